"""DuckDB, the embedded database: its engine, file, reader, batch, SQL texts, frames and errors."""
