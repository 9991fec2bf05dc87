"""Reading and writing the files of the field, and the storage they lie in."""
