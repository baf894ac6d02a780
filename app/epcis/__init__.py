"""GS1 EPCIS 2.0 and CBV 2.0 themselves: reading, checking, naming and finding events. Knows no consignment and no database."""
