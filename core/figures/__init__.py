"""Plain data turned into pictures and plotly figures, in one style."""
