//! Who the container runs as: `USER` against the image's own lists, as Docker and containerd read them.

use super::finding::{Stop, never, shown, unknown};
use crate::inspect::{Detail, Found, Tree};

/// Who runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    /// The group and the supplementary ones.
    pub(super) gids: Vec<u32>,
}

/// Finds a user of the form `user[:group]`, each a name or a number.
///
/// # Errors
/// When a name is not in the image's lists.
pub(super) fn find(tree: &Tree, user: &str) -> Result<User, Stop> {
    let (name, group) = user.split_once(':').map_or((user, None), |(name, group)| (name, Some(group)));
    let name = if name.is_empty() { "0" } else { name };
    let line = line(tree, "etc/passwd", |fields| fields.first() == Some(&name) || fields.get(2) == Some(&name));
    let uid = match (name.parse(), &line) {
        (Ok(uid), _) => uid,
        (Err(_), Ok(Some(fields))) => number(fields.get(2)).unwrap_or(u32::MAX),
        (Err(_), Ok(None)) => {
            let what =
                format!("user {} is not in /etc/passwd: create it, or set `USER` to a number", shown(name.as_bytes()));
            return Err(never("start-user-missing", what));
        }
        (Err(_), Err(())) => return Err(unseen("/etc/passwd")),
    };
    let line = line.ok().flatten();
    let own = line.as_ref().and_then(|fields| number(fields.get(3))).unwrap_or(0);
    let gid = match group.filter(|group| !group.is_empty()) {
        None => own,
        Some(group) => self::group(tree, group)?,
    };
    // A number has the groups of the user whose number it is.
    let listed = line.as_ref().and_then(|fields| fields.first()).map_or(name, |name| name);
    let supplementary = if group.is_none() { groups_of(tree, listed) } else { Vec::new() };
    Ok(User { uid, gids: [vec![gid], supplementary].concat() })
}

fn group(tree: &Tree, name: &str) -> Result<u32, Stop> {
    if let Ok(gid) = name.parse() {
        return Ok(gid);
    }
    match line(tree, "etc/group", |fields| fields.first() == Some(&name)) {
        Ok(Some(fields)) => Ok(number(fields.get(2)).unwrap_or(u32::MAX)),
        Ok(None) => {
            let what = format!("group {} is not in /etc/group: create it, or use a number", shown(name.as_bytes()));
            Err(never("start-group-missing", what))
        }
        Err(()) => Err(unseen("/etc/group")),
    }
}

/// The groups that list a user as a member.
fn groups_of(tree: &Tree, name: &str) -> Vec<u32> {
    let Ok(Found { detail: Some(Detail::Text(text)), .. }) = tree.find(b"etc/group") else { return Vec::new() };
    let text = String::from_utf8_lossy(text);
    let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let has = |fields: &Vec<&str>| fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name));
    fields.filter(has).filter_map(|fields| fields.get(2)?.trim().parse().ok()).collect()
}

/// The first line of a list whose fields match; an error where the list is there and was not kept.
fn line(tree: &Tree, path: &str, is_it: impl Fn(&[&str]) -> bool) -> Result<Option<Vec<String>>, ()> {
    let Ok(found) = tree.find(path.as_bytes()) else { return Ok(None) };
    let text = match found.detail {
        Some(Detail::Text(text)) => String::from_utf8_lossy(text),
        // Reached by a link under another name, or too long.
        _ if found.bytes > 0 => return Err(()),
        _ => return Ok(None),
    };
    let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    Ok(fields.into_iter().find(|fields| is_it(fields)).map(|fields| fields.into_iter().map(str::to_owned).collect()))
}

fn number(field: Option<&String>) -> Option<u32> {
    field?.trim().parse().ok()
}

fn unseen(path: &str) -> Stop {
    unknown("start-users-unseen", format!("{path} could not be read"))
}
