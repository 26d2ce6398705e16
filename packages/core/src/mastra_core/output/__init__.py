"""What lines on a terminal, in a stream or in a file are made with; shared by exporters and log set-up."""
