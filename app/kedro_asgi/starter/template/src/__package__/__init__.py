"""Tell penguin species apart by four measurements."""
