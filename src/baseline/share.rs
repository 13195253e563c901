//! Whose report may become a baseline of others.

use crate::ci::{Context, Event};
use crate::report::Head;

/// Whether a run may write the stores that others read: only one of what has been merged already. Otherwise a change
/// request could bring the baseline that it is measured against.
///
/// # Errors
/// Why not, as a phrase.
pub fn may_share(context: &Context, head: &Head) -> Result<(), String> {
    if context.restriction.is_some() {
        return Err("outsiders may have started this run".to_owned());
    }
    match context.event {
        Event::Push | Event::Schedule => {}
        Event::ChangeRequest => return Err("a change request is not merged yet".to_owned()),
        Event::MergeQueue => return Err("a queue only tries merges".to_owned()),
        Event::Tag => return Err("a tag is no branch".to_owned()),
        Event::Local => return Err("this is no job of a CI system".to_owned()),
    }
    if context.change_request.is_some() {
        return Err("a change request is not merged yet".to_owned());
    }
    if context.sha.is_some() && context.sha != head.sha {
        return Err("another commit is checked out than the job was started for".to_owned());
    }
    let Some(branch) = &context.reference else { return Err("the branch is not known".to_owned()) };
    match &context.default_branch {
        Some(default) if default == branch => Ok(()),
        _ if context.is_protected => Ok(()),
        Some(_) => Err(format!("{branch} is neither the default branch nor protected")),
        None => Err("the default branch is not known".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ci::Restriction;
    use crate::env::Env;

    #[test]
    fn only_what_is_merged_is_shared() {
        type Edit = fn(&mut Context);
        let table: [(&str, Edit, &str); 16] = [
            ("push to main", |_| {}, ""),
            ("schedule on main", |context| context.event = Event::Schedule, ""),
            (
                "push to a protected branch",
                |context| {
                    context.reference = Some("release".into());
                    context.is_protected = true;
                },
                "",
            ),
            (
                "push to a protected branch, default unknown",
                |context| {
                    context.default_branch = None;
                    context.is_protected = true;
                },
                "",
            ),
            (
                "push to a topic",
                |context| context.reference = Some("topic".into()),
                "topic is neither the default branch nor protected",
            ),
            ("default unknown", |context| context.default_branch = None, "the default branch is not known"),
            ("branch unknown", |context| context.reference = None, "the branch is not known"),
            ("change request", |context| context.event = Event::ChangeRequest, "a change request is not merged yet"),
            (
                "push that is about a change request",
                |context| context.change_request = Some(7),
                "a change request is not merged yet",
            ),
            ("fork", |context| context.restriction = Some(Restriction::Fork), "outsiders may have started this run"),
            (
                "Dependabot",
                |context| context.restriction = Some(Restriction::Dependabot),
                "outsiders may have started this run",
            ),
            (
                "pull_request_target",
                |context| context.restriction = Some(Restriction::LowTrust("pull_request_target".into())),
                "outsiders may have started this run",
            ),
            ("merge queue", |context| context.event = Event::MergeQueue, "a queue only tries merges"),
            ("tag", |context| context.event = Event::Tag, "a tag is no branch"),
            ("laptop", |context| context.event = Event::Local, "this is no job of a CI system"),
            (
                "another checkout",
                |context| context.sha = Some("b".repeat(40)),
                "another commit is checked out than the job was started for",
            ),
        ];
        let head = Head { sha: Some("a".repeat(40)), reference: None, dirty: false };
        for (situation, edit, expected) in table {
            let mut context = Context {
                event: Event::Push,
                reference: Some("main".into()),
                default_branch: Some("main".into()),
                sha: head.sha.clone(),
                ..Context::detect(&Env::default())
            };
            edit(&mut context);
            assert_eq!(may_share(&context, &head).err().unwrap_or_default(), expected, "{situation}");
        }
    }
}
