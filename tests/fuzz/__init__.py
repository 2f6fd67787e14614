"""Foreign input made up by hypothesis: ``make fuzz`` looks for what costs too much, the unit tests for what crashes."""
