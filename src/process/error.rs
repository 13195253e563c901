//! How running a program fails, one variant per kind that callers tell apart.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// How many bytes of standard error an error message repeats.
const STDERR_TAIL_BYTES: usize = 2048;

/// A program that did not do its work. Each variant names the command as a shell line.
#[derive(Debug)]
pub enum ProcessError {
    /// There is no such program.
    Missing {
        /// The shell line.
        command: String,
        /// The program's name.
        program: String,
    },
    /// The program exists but could not be started, or its pipes failed.
    Io {
        /// The shell line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ran longer than allowed and was killed.
    TimedOut {
        /// The shell line.
        command: String,
        /// The limit.
        timeout: Duration,
    },
    /// It wrote more than allowed to standard output and was killed.
    TooMuchOutput {
        /// The shell line.
        command: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// It ended by itself, without success.
    Failed {
        /// The shell line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of standard error, untrusted text without control characters.
        stderr_tail: String,
    },
}

impl ProcessError {
    /// Whether the program is not installed.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    /// Whether the program was killed because it took too long.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// The exit code of a program that ended by itself.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Failed { status, .. } => status.code(),
            _ => None,
        }
    }

    /// The end of standard error of a program that failed; empty for other errors.
    #[must_use]
    pub fn stderr_tail(&self) -> &str {
        match self {
            Self::Failed { stderr_tail, .. } => stderr_tail,
            _ => "",
        }
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { command, program } => {
                write!(f, "run `{command}`: {program} was not found; install it or put it on PATH")
            }
            Self::Io { command, .. } => write!(f, "run `{command}`"),
            Self::TimedOut { command, timeout } => {
                write!(f, "run `{command}`: no end after {}, stopped", humantime::format_duration(*timeout))
            }
            Self::TooMuchOutput { command, limit_bytes } => {
                write!(f, "run `{command}`: more than {limit_bytes} bytes of output, stopped")
            }
            Self::Failed { command, status, stderr_tail } => {
                write!(f, "run `{command}`: {status}")?;
                if stderr_tail.is_empty() { Ok(()) } else { write!(f, ": {stderr_tail}") }
            }
        }
    }
}

impl std::error::Error for ProcessError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The end of a program's output as text that is safe to print.
pub(super) fn tail_text(output: &[u8]) -> String {
    let start = output.len().saturating_sub(STDERR_TAIL_BYTES);
    let text = String::from_utf8_lossy(output.get(start..).unwrap_or_default());
    let printable = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.trim().chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_has_no_control_characters() {
        let output = [vec![b'x'; 5000], b"\x1b[31mred\xff\nend\n".to_vec()].concat();
        let tail = tail_text(&output);
        assert!(tail.ends_with("x [31mred\u{fffd}\nend"), "{tail}");
        assert!(tail.len() <= STDERR_TAIL_BYTES + 2);
    }
}
