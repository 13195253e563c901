use futures_util::future::join_all;

use super::*;
use crate::baseline::fake::{report_of, sha};
use crate::git::testing::Repository;

/// A bare repository with one commit, and that many clones of it.
async fn clones(count: usize) -> (Repository, Vec<Repository>) {
    let origin = Repository::new().await;
    origin.commit("first").await;
    origin.git(&["config", "core.bare", "true"]).await;
    let mut clones = Vec::new();
    for _ in 0..count {
        clones.push(Repository::shallow_clone(&origin, 1).await);
    }
    (origin, clones)
}

async fn store(clone: &Repository, branch: &str) -> BranchStore {
    BranchStore::new(clone.open().await, branch)
}

#[tokio::test]
async fn what_one_clone_saves_another_loads_and_nothing_else_changes() {
    let (origin, clones) = clones(2).await;
    assert_eq!(store(&clones[0], "metrics/w").await.load(&sha("a")).await.unwrap(), None);
    clones[0].write("staged", "x");
    clones[0].git(&["add", "staged"]).await;
    let before = clones[0].git(&["status", "--porcelain=v2", "--branch"]).await;
    for name in ["a", "b", "a"] {
        store(&clones[0], "metrics/w").await.save(&sha(name), &report_of(name)).await.unwrap();
    }
    assert_eq!(clones[0].git(&["status", "--porcelain=v2", "--branch"]).await, before);
    let other = store(&clones[1], "metrics/w").await;
    for name in ["a", "b"] {
        assert_eq!(other.load(&sha(name)).await.unwrap(), Some(report_of(name)));
    }
    assert_eq!(other.load(&sha("c")).await.unwrap(), None);
    assert_eq!(origin.git(&["log", "--format=%an %s", "metrics/w"]).await, "weighbridge Reports of weighbridge");
    assert_eq!(origin.git(&["show", "metrics/w:commits"]).await, format!("{}\n{}", sha("b"), sha("a")));
}

#[tokio::test]
async fn a_whole_clone_stays_whole() {
    let (_origin, clones) = clones(1).await;
    clones[0].git(&["fetch", "--quiet", "--unshallow"]).await;
    store(&clones[0], "w").await.save(&sha("a"), &report_of("a")).await.unwrap();
    store(&clones[0], "w").await.load(&sha("a")).await.unwrap().unwrap();
    assert_eq!(clones[0].git(&["rev-parse", "--is-shallow-repository"]).await, "false");
}

#[tokio::test]
async fn writers_at_the_same_time_lose_nothing() {
    let (_origin, clones) = clones(6).await;
    let names: Vec<String> = (0..clones.len()).map(|number| number.to_string()).collect();
    let save = async |clone: &Repository, name: &str| store(clone, "w").await.save(&sha(name), &report_of(name)).await;
    let saved = join_all(clones.iter().zip(&names).map(|(clone, name)| save(clone, name))).await;
    saved.into_iter().for_each(Result::unwrap);
    let reader = store(&clones[0], "w").await;
    for name in &names {
        assert_eq!(reader.load(&sha(name)).await.unwrap(), Some(report_of(name)), "{name}");
    }
}

#[tokio::test]
async fn the_oldest_reports_give_way() {
    let (origin, clones) = clones(1).await;
    let first = store(&clones[0], "w").await;
    first.save(&sha("a"), &report_of("a")).await.unwrap();
    // A list as if there were many, of which only one has its file.
    let order: Vec<String> = (1..KEPT_REPORTS).map(|number| format!("{number:040x}")).collect();
    let scratch = tempfile::tempdir().unwrap();
    let list = scratch.path().join("list");
    fs::write_atomic(&list, format!("{}\n{}\n", sha("a"), order.join("\n")).as_bytes()).unwrap();
    let git = clones[0].open().await;
    let fetched = git.side_branch("w").await.unwrap();
    git.side_push(&fetched, "x", &[(ORDER, &list)], &[], scratch.path()).await.unwrap();
    first.save(&sha("b"), &report_of("b")).await.unwrap();
    let reader = store(&clones[0], "w").await;
    assert_eq!(reader.load(&sha("a")).await.unwrap(), None);
    assert_eq!(reader.load(&sha("b")).await.unwrap(), Some(report_of("b")));
    assert_eq!(origin.git(&["show", "w:commits"]).await.lines().count(), KEPT_REPORTS);
}

#[tokio::test]
async fn a_branch_of_other_files_is_left_alone() {
    let (origin, clones) = clones(1).await;
    clones[0].write("code", "x");
    clones[0].commit("code").await;
    clones[0].git(&["push", "--quiet", "origin", "HEAD:refs/heads/code"]).await;
    let before = origin.git(&["rev-parse", "code"]).await;
    let error = store(&clones[0], "code").await.save(&sha("a"), &report_of("a")).await.unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "it holds code, so it is not for reports alone; name another one in `baseline.branch`"
    );
    assert_eq!(origin.git(&["rev-parse", "code"]).await, before);
}

#[tokio::test]
async fn what_is_refused_says_what_to_do() {
    let (origin, clones) = clones(1).await;
    let hook = origin.path().join(".git/hooks/pre-receive");
    fs::write_atomic(&hook, b"#!/bin/sh\necho 'no pushes here' >&2\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::open(&hook).unwrap().set_permissions(mode).unwrap();
    let error = store(&clones[0], "w").await.save(&sha("a"), &report_of("a")).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot be pushed: ") && error.ends_with(ADVICE), "{error}");
    clones[0].git(&["remote", "remove", "origin"]).await;
    let error = store(&clones[0], "w").await.load(&sha("a")).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(Unavailable::Unreachable(_))), "{error:#}");
}

#[tokio::test]
async fn a_file_that_is_no_report_is_an_error_with_its_name() {
    let (_origin, clones) = clones(1).await;
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write_atomic(&file, b"{").unwrap();
    let git = clones[0].open().await;
    let fetched = git.side_branch("w").await.unwrap();
    git.side_push(&fetched, "x", &[(&path(&sha("a")), &file)], &[], scratch.path()).await.unwrap();
    let message = format!("{:#}", store(&clones[0], "w").await.load(&sha("a")).await.unwrap_err());
    assert!(message.starts_with(&format!("read {}: not a weighbridge report", path(&sha("a")))), "{message}");
}

#[test]
fn who_is_not_let_in_has_lost_nothing() {
    const URL: &str = "https://forge.test/acme/shop.git/";
    for (told, is_denied) in [
        ("fatal: could not read Username for 'https://forge.test': terminal prompts disabled".to_owned(), true),
        (format!("remote: HTTP Basic: Access denied\nfatal: Authentication failed for '{URL}'"), true),
        (format!("fatal: unable to access '{URL}': The requested URL returned error: 403"), true),
        (
            "git@forge.test: Permission denied (publickey).\nfatal: Could not read from remote repository.".to_owned(),
            true,
        ),
        (format!("remote: Repository not found.\nfatal: repository '{URL}' not found"), true),
        (format!("fatal: unable to access '{URL}': Could not resolve host: forge.test"), false),
        (format!("fatal: unable to access '{URL}': The requested URL returned error: 502"), false),
        ("fatal: '/nonexistent' does not appear to be a git repository".to_owned(), false),
        ("fatal: the remote end hung up unexpectedly".to_owned(), false),
    ] {
        let told = format!("`git ls-remote origin` failed (exit status: 128):\n{told}");
        let unavailable = unavailable(&told);
        assert_eq!(matches!(unavailable, Unavailable::Denied(_)), is_denied, "{told}");
        assert!(!unavailable.to_string().contains("ls-remote"), "{unavailable}");
    }
}
