"""Amazon Redshift: its engine, COPY, batch, SQL texts, frames and errors."""
