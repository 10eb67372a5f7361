"""What tests share: drawings, piles of digits, stand-ins, a misbehaving mirror."""
