"""Resource types of our own, for what no provider has. Module paths and class names are part of every stack's state: never move them."""
