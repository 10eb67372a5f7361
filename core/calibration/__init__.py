"""What scores promise: conformal p-values, bounds on the false-alarm rate, false discoveries, and measured rates."""
