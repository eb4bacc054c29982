//! timezones
