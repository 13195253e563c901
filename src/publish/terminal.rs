//! Standard output and standard error. A reader that went away (`weighbridge … | head`) is not an error.

use std::io::Write;

/// Prints a result.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Says something about the work, one line.
pub fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    drop(writeln!(stderr, "{line}"));
}
