"""How other systems are told of what is kept here: rules, forms, and the queue that is kept."""
