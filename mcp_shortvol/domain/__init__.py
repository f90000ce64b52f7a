"""The words of the field, without a vendor or a protocol: symbols, markets, questions, days, reports, errors."""
