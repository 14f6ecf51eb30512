"""What establishments show one another of a person: closed until somebody says otherwise."""
