//! Remarks as annotations, which GitHub shows at the lines of the files that a pull request changes.

use super::command::Command;
use crate::render::remarks::Remark;
use crate::report::Severity;

/// The runner keeps no more of a kind per step (actions/runner: `ExecutionContext.cs`, `_maxCountPerIssueType`).
const PER_KIND: usize = 10;
/// The runner cuts longer messages (`_maxIssueMessageLength`).
const MESSAGE_CHARS: usize = 4_096;

/// The annotations of a run, of each kind the first ones; the last of them counts those that are left out.
#[must_use]
pub fn annotations(remarks: &[Remark]) -> Vec<Command> {
    [Severity::Error, Severity::Warning, Severity::Notice].iter().flat_map(|kind| of_kind(remarks, *kind)).collect()
}

fn of_kind(remarks: &[Remark], severity: Severity) -> Vec<Command> {
    let remarks: Vec<&Remark> = remarks.iter().filter(|remark| remark.severity == severity).collect();
    let more = remarks.len().saturating_sub(PER_KIND);
    let shown = remarks.iter().take(PER_KIND).enumerate();
    shown.map(|(index, remark)| annotation(remark, if index + 1 == PER_KIND { more } else { 0 })).collect()
}

fn annotation(remark: &Remark, more: usize) -> Command {
    let name = match remark.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    };
    let rest = if more > 0 { format!(" (and {more} more, in the summary of the job)") } else { String::new() };
    let command = Command::new(name, cut(&remark.message, MESSAGE_CHARS.saturating_sub(rest.chars().count())) + &rest);
    let command = match (&remark.file, remark.line) {
        (Some(file), Some(line)) => command.with("file", file).with("line", line.to_string()),
        (Some(file), None) => command.with("file", file),
        (None, _) => command,
    };
    command.with("title", &remark.title)
}

/// An error about the whole run.
#[must_use]
pub fn error(text: &str) -> Command {
    Command::new("error", cut(text, MESSAGE_CHARS)).with("title", "weighbridge")
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(severity: Severity, message: &str) -> Remark {
        Remark {
            severity,
            rule: "budget/wall".to_owned(),
            title: "orders linux/amd64".to_owned(),
            message: message.to_owned(),
            file: Some("a,b/Dockerfile".to_owned()),
            line: Some(7),
            identity: vec![],
        }
    }

    fn lines(remarks: &[Remark]) -> Vec<String> {
        annotations(remarks).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_remark_stands_at_its_line() {
        let at = |file: Option<&str>, line| Remark {
            file: file.map(Into::into),
            line,
            ..remark(Severity::Warning, "slow: 9,0 %")
        };
        for (remark, expected) in [
            (at(Some("a,b/Dockerfile"), Some(7)), "file=a%2Cb/Dockerfile,line=7,title=orders linux/amd64"),
            (at(Some("Dockerfile"), None), "file=Dockerfile,title=orders linux/amd64"),
            (at(None, Some(7)), "title=orders linux/amd64"),
        ] {
            assert_eq!(lines(&[remark]), [format!("::warning {expected}::slow: 9,0 %25")]);
        }
        assert_eq!(error("a\nb").to_string(), "::error title=weighbridge::a%0Ab");
    }

    #[test]
    fn of_each_kind_ten_stand_and_the_last_counts_the_rest() {
        for (count, last) in
            [(9, "message 8"), (10, "message 9"), (12, "message 9 (and 2 more, in the summary of the job)")]
        {
            let of = |severity| (0..count).map(move |index| remark(severity, &format!("message {index}")));
            let lines = lines(&of(Severity::Notice).chain(of(Severity::Error)).collect::<Vec<_>>());
            assert_eq!(lines.len(), 2 * count.min(10));
            assert!(lines[0].starts_with("::error ") && lines[0].ends_with("::message 0"), "{lines:?}");
            assert!(
                lines.last().unwrap().starts_with("::notice ") && lines.last().unwrap().ends_with(last),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_long_message_is_cut_before_the_count_is() {
        let remarks: Vec<Remark> = (0..11).map(|_| remark(Severity::Error, &"ü".repeat(1_000_000))).collect();
        for line in lines(&remarks) {
            assert_eq!(line.rsplit("::").next().unwrap().chars().count(), MESSAGE_CHARS);
        }
        assert!(lines(&remarks)[9].ends_with("… (and 1 more, in the summary of the job)"));
    }
}
