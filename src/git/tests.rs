use super::testing::Repository;
use super::*;

#[tokio::test]
async fn the_root_is_found_from_below_even_with_quotes_in_its_name() {
    let repository = Repository::new().await;
    repository.write("a/b/file", "");
    let git = Git::open(&repository.path().join("a/b")).await.unwrap();
    assert_eq!(git.root(), repository.path());
}

#[tokio::test]
async fn a_repository_without_commits_has_no_head() {
    let repository = Repository::new().await;
    let git = repository.open().await;
    assert_eq!(git.head_sha().await.unwrap(), None);
    assert_eq!(git.current_branch().await.unwrap().as_deref(), Some("main"));
    assert_eq!(git.default_branch().await.unwrap(), None);
}

#[tokio::test]
async fn revisions_resolve_to_commits_and_are_never_options() {
    let repository = Repository::new().await;
    let first = repository.commit("first").await;
    repository.git(&["tag", "--annotate", "--message", "tag", "v1"]).await;
    let second = repository.commit("second").await;
    let git = repository.open().await;
    for (revision, expected) in [
        ("HEAD", Some(&second)),
        ("main~1", Some(&first)),
        ("v1", Some(&first)),
        (&first[..8], Some(&first)),
        ("nope", None),
        ("", None),
        ("--all", None),
        ("--git-dir", None),
        ("-x", None),
        ("HEAD..main", None),
        ("two words", None),
    ] {
        assert_eq!(git.resolve(revision).await.unwrap().as_ref(), expected, "{revision}");
    }
    assert_eq!(git.branch("--all").await.unwrap(), None);
    assert_eq!(git.branch("main~1").await.unwrap(), None);
}

#[tokio::test]
async fn history_is_walked_along_first_parents() {
    let repository = Repository::new().await;
    let first = repository.commit("first").await;
    repository.git(&["checkout", "--quiet", "-b", "topic"]).await;
    let topic = repository.commit("topic").await;
    repository.git(&["checkout", "--quiet", "main"]).await;
    let second = repository.commit("second").await;
    let merge = repository.merge("topic").await;
    let git = repository.open().await;
    assert_eq!(git.parents(&merge).await.unwrap(), [second.clone(), topic.clone()]);
    assert_eq!(git.parents(&first).await.unwrap(), [""; 0]);
    assert_eq!(git.first_parents(&merge, 50).await.unwrap(), [merge.clone(), second.clone(), first.clone()]);
    assert_eq!(git.first_parents(&merge, 2).await.unwrap(), [merge, second.clone()]);
    assert_eq!(git.first_parents(&"0".repeat(40), 2).await.unwrap(), [""; 0]);
    assert_eq!(git.merge_base(&topic, &second).await.unwrap(), Some(first));
    repository.git(&["checkout", "--quiet", "--orphan", "island"]).await;
    let island = repository.commit("island").await;
    assert_eq!(git.merge_base(&topic, &island).await.unwrap(), None);
}

#[tokio::test]
async fn only_changes_outside_of_the_output_directory_make_it_dirty() {
    let repository = Repository::new().await;
    repository.write("tracked", "1");
    repository.write(".gitignore", "ignored\n");
    repository.commit("first").await;
    let (git, output) = (repository.open().await, repository.path().join("out/it's [here]"));
    assert!(!git.status(&output).await.unwrap().is_dirty);
    repository.write("out/it's [here]/report.json", "");
    repository.write("ignored", "");
    assert!(!git.status(&output).await.unwrap().is_dirty);
    assert!(git.status(repository.path()).await.unwrap().is_dirty, "the root is never excluded");
    assert!(git.status("/elsewhere".as_ref()).await.unwrap().is_dirty);
    repository.write("out/other", "");
    assert!(git.status(&output).await.unwrap().is_dirty);
    repository.git(&["clean", "--quiet", "-d", "--force"]).await;
    repository.write("tracked", "2");
    assert!(git.status(&output).await.unwrap().is_dirty);
}

#[tokio::test]
async fn the_default_branch_is_that_of_origin_then_a_common_name() {
    let repository = Repository::new().await;
    let first = repository.commit("first").await;
    repository.git(&["branch", "master"]).await;
    let git = repository.open().await;
    assert_eq!(git.default_branch().await.unwrap().as_deref(), Some("main"));
    repository.git(&["branch", "--move", "main", "team/trunk"]).await;
    assert_eq!(git.default_branch().await.unwrap().as_deref(), Some("master"));
    assert_eq!(git.branch("team").await.unwrap(), None, "a folder of branches is none");
    let clone = Repository::shallow_clone(&repository, 1).await;
    let git = clone.open().await;
    assert_eq!(git.default_branch().await.unwrap().as_deref(), Some("team/trunk"));
    assert_eq!(git.branch("team/trunk").await.unwrap(), Some(first.clone()));
    clone.commit("local").await;
    assert_eq!(git.branch("team/trunk").await.unwrap(), Some(first), "what was fetched goes first");
    clone.git(&["checkout", "--quiet", "--detach"]).await;
    assert_eq!(git.current_branch().await.unwrap(), None);
}

#[tokio::test]
async fn a_shallow_clone_knows_the_parents_that_it_lacks() {
    let repository = Repository::new().await;
    let first = repository.commit("first").await;
    let second = repository.commit("second").await;
    let clone = Repository::shallow_clone(&repository, 1).await;
    let git = clone.open().await;
    assert!(git.is_shallow().await.unwrap());
    assert!(!repository.open().await.is_shallow().await.unwrap());
    assert_eq!(git.parents(&second).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(git.resolve(&first).await.unwrap(), None);
    assert_eq!(git.first_parents(&second, 50).await.unwrap(), [second]);
}

#[tokio::test]
async fn committed_files_below_a_directory_are_found_and_others_not() {
    let repository = Repository::new().await;
    repository.write("out/report", "mine");
    repository.commit("first").await;
    repository.write("other/untracked", "");
    let git = repository.open().await;
    let tracked = async |path: &str| git.tracked_below(&git.root().join(path)).await.unwrap();
    assert_eq!(tracked("out").await.as_deref(), Some("out/report"));
    assert_eq!(tracked("other").await, None);
    assert_eq!(git.tracked_below(Path::new("/elsewhere")).await.unwrap(), None);
}

#[test]
fn variables_that_bind_git_to_another_place_are_not_inherited() {
    let command = Git { root: PathBuf::from("/src") }.command(&["status"]);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"] {
        assert_eq!(command.env.get(name), Some(&EnvChange::Remove), "{name}");
    }
    insta::assert_snapshot!(
        command,
        @"GIT_TERMINAL_PROMPT=0 LC_ALL=C git --no-optional-locks -c 'core.quotepath=off' -c 'core.hooksPath=/dev/null' -c 'core.fsmonitor=false' status"
    );
}
