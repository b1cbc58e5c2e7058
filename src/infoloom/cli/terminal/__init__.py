"""What every command needs to speak to a person: tables, progress, help texts, files that must be new."""
