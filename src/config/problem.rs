//! What is wrong with a configuration: all of it at once, each with its key and what to do.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key's path, as `sync.poll_seconds` or `room[2].slug`, or the variable's name.
    pub key: String,
    /// The line of the file, counted from 1, if the file says it.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

impl Problem {
    pub(super) fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: key.into(), line: None, what: what.into() }
    }

    pub(super) fn at(key: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { key: key.into(), line: Some(line), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.is_empty(), self.line) {
            (false, Some(line)) => write!(f, "{} (line {line}): {}", self.key, self.what),
            (false, None) => write!(f, "{}: {}", self.key, self.what),
            (true, Some(line)) => write!(f, "line {line}: {}", self.what),
            (true, None) => f.write_str(&self.what),
        }
    }
}

/// The configuration cannot be used; every problem that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
