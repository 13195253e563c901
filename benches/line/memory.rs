//! Peak resident memory of a child alone (not of what it starts), read from the kernel's high-water mark.

use std::process::Child;
use std::time::Duration;

/// Waits for a child and returns its peak resident memory in MiB.
pub(crate) fn peak_mib(mut child: Child) -> f64 {
    const POLL: Duration = Duration::from_millis(2);
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0_u32;
    loop {
        // The mark only rises, so the last reading before the end is the peak.
        if let Ok(text) = std::fs::read_to_string(&status) {
            peak_kib = peak_kib.max(high_water_kib(&text).unwrap_or(0));
        }
        if child.try_wait().expect("wait for the child").is_some() {
            assert!(peak_kib > 0, "the child ended before it could be measured");
            return f64::from(peak_kib) / 1024.0;
        }
        std::thread::sleep(POLL);
    }
}

fn high_water_kib(status: &str) -> Option<u32> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
