"""Pure rules of tm-refinery: settings, contracts, identity, routing, verdicts."""
