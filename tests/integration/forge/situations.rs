//! What is posted in which situation, as one table: every row is a run of the whole tool beside a forge.

use std::collections::BTreeMap;

use super::{Reply, Trouble, Verb};
use crate::case::Case;
use crate::fake::Build;
use crate::forge_server::model::{Comment, Model, TOKEN};
use crate::forge_server::{Kind, Server};
use crate::layout::{Damage, TestImage};

/// - `event`: what starts the run; `labeled` is a pull request with the label that allows more.
/// - `token`: what it may do, or what is wrong with it or with the change request.
/// - `build`: what becomes of the image against the baseline of 100 kB; `first` has no baseline.
/// - `earlier`: comments that are there; `old` is of an earlier run, `new` of a later one, `twice` is `old` two times,
///   `forged` is by somebody else, `other` of another report, `both` is `old` and one of a later run after it.
/// - `settings`: the budget in parentheses, other keys of the configuration in braces, options of the command line.
/// - `posted`: what became of our comments, `-` when there are none; `title`: of the one that counts.
const GITHUB: &str = "
event      | token   | build  | earlier | settings                                             | posted             | code | title                                                     | remark
branch     | writes  | same   | -       |                                                      | -                  | 0    | -                                                         | nothing to say
branch     | writes  | noise  | -       |                                                      | -                  | 0    | -                                                         | nothing to say
branch     | writes  | first  | -       |                                                      | -                  | 0    | -                                                         | nothing to say
branch     | writes  | grew   | -       |                                                      | created            | 0    | weighbridge: `orders` +105.4 kB (+99.9 %)                 | comment made on pull request 7
branch     | writes  | shrank | -       |                                                      | created            | 0    | weighbridge: `orders` −52.7 kB (−50.0 %)                  | (an image changed)
branch     | writes  | failed | -       |                                                      | created            | 3    | weighbridge: 1 of 1 image failed to build                 | (a build has no numbers)
branch     | writes  | broken | -       | (layers: 9)                                          | created            | 4    | weighbridge: 1 of 1 image not measured                    | (a build has no numbers)
branch     | writes  | grew   | -       | (compressed: 150kB)                                  | created            | 1    | weighbridge: 1 of 1 image over budget, `orders` +105.4 kB | (a budget is missed
branch     | writes  | grew   | -       | (compressed_growth: 5%)                              | created            | 1    | weighbridge: 1 of 1 image over budget, `orders` +105.4 kB | (a budget is missed
branch     | writes  | same   | -       | (compressed: 110kB)                                  | created            | 0    | weighbridge: 1 of 1 image close to a limit                | (a budget is missed, close
branch     | writes  | same   | -       | (wall: 1ms)                                          | created            | 1    | weighbridge: 1 of 1 image over budget                     | (a budget is missed
branch     | writes  | first  | -       | (compressed: 50kB)                                   | created            | 1    | weighbridge: 1 of 1 image over budget                     | (a budget is missed
branch     | writes  | same   | old     |                                                      | updated            | 0    | weighbridge: back to normal, no change in 1 image         | comment updated on
branch     | writes  | noise  | old     |                                                      | updated            | 0    | weighbridge: back to normal, no notable change in 1 image | (as in the baseline again)
branch     | writes  | first  | old     |                                                      | updated            | 0    | weighbridge: first measurement of 1 image                 | comment updated on
branch     | writes  | grew   | old     |                                                      | updated            | 0    | weighbridge: `orders` +105.4 kB                           | comment updated on
branch     | writes  | grew   | new     |                                                      | untouched          | 0    | weighbridge: of a run                                     | left as a later run wrote it
branch     | writes  | same   | new     |                                                      | untouched          | 0    | weighbridge: of a run                                     | left as a later run wrote it
branch     | writes  | grew   | twice   |                                                      | updated, 1 deleted | 0    | weighbridge: `orders` +105.4 kB                           | comment updated on
branch     | writes  | same   | twice   |                                                      | updated, 1 deleted | 0    | weighbridge: back to normal                               | comment updated on
branch     | writes  | grew   | both    |                                                      | untouched          | 0    | weighbridge: of a run                                     | left as a later run wrote it
branch     | writes  | grew   | forged  |                                                      | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
branch     | writes  | same   | forged  |                                                      | -                  | 0    | -                                                         | nothing to say
branch     | writes  | grew   | other   |                                                      | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
branch     | writes  | same   | other   |                                                      | -                  | 0    | -                                                         | nothing to say
branch     | writes  | same   | -       | --comment=always                                     | created            | 0    | weighbridge: no change in 1 image                         | (a comment is asked for in every run)
branch     | writes  | same   | old     | --comment=always                                     | updated            | 0    | weighbridge: no change in 1 image                         | comment updated on
branch     | writes  | failed | -       | --comment=never                                      | -                  | 3    | -                                                         | failed
branch     | writes  | same   | old     | --comment=never                                      | untouched          | 0    | weighbridge: of a run                                     |
branch     | writes  | same   | -       | {comment: always}                                    | created            | 0    | weighbridge: no change in 1 image                         | comment made on
branch     | writes  | grew   | -       | {comment: always} --comment=never                    | -                  | 0    | -                                                         |
branch     | writes  | grew   | -       | {noise: {bytes: 200kB}}                              | -                  | 0    | -                                                         | nothing to say
branch     | writes  | noise  | -       | {noise: {bytes: 1, percent: 1%}}                     | created            | 0    | weighbridge: `orders` +5.3 kB                             | comment made on
branch     | writes  | grew   | -       | --report-name=backend                                | created            | 0    | weighbridge (backend): `orders` +105.4 kB                 | comment made on
branch     | writes  | grew   | old     | --report-name=backend                                | created            | 0    | weighbridge (backend): `orders` +105.4 kB                 | comment made on
branch     | writes  | same   | old     | {report_name: backend}                               | untouched          | 0    | weighbridge: of a run                                     | nothing to say
labeled    | writes  | grew   | -       | (compressed: 150kB)                                  | created            | 0    | weighbridge: 1 of 1 image over budget as a label allows   | (a budget is missed
labeled    | writes  | grew   | -       | (wall: 1ms, layers: 9)                               | created            | 1    | weighbridge: 1 of 1 image over budget, `orders`           | (a budget is missed
labeled    | writes  | grew   | old     | (compressed_growth: 5%)                              | updated            | 0    | weighbridge: 1 of 1 image over budget as a label allows   | comment updated on
labeled    | writes  | grew   | -       | (layers: 9, compressed: 1kB) {override_label: heavy} | created            | 1    | weighbridge: 1 of 1 image over budget, `orders`           | (a budget is missed
labeled    | writes  | failed | -       | (compressed: 1kB)                                    | created            | 3    | weighbridge: 1 of 1 image failed to build                 | (a build has no numbers)
branch     | reads   | same   | -       |                                                      | -                  | 0    | -                                                         | nothing to say
branch     | reads   | grew   | -       |                                                      | -                  | 0    | -                                                         | warning: no comment: not allowed to
branch     | reads   | grew   | -       | --comment=always                                     | -                  | 5    | -                                                         | error: no comment: not allowed to
branch     | reads   | grew   | -       | (compressed: 1kB) --comment=always                   | -                  | 1    | -                                                         | error: no comment: not allowed to
branch     | none    | grew   | -       |                                                      | -                  | 0    | -                                                         | warning: no comment: GITHUB_TOKEN is not set
branch     | none    | same   | -       | --comment=always                                     | -                  | 5    | -                                                         | error: no comment: GITHUB_TOKEN is not set
branch     | expired | grew   | -       |                                                      | -                  | 0    | -                                                         | not valid any more
branch     | locked  | grew   | -       |                                                      | -                  | 0    | -                                                         | locked
branch     | locked  | same   | old     |                                                      | untouched          | 0    | weighbridge: of a run                                     | locked
branch     | ill     | grew   | -       |                                                      | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
branch     | busy    | grew   | -       |                                                      | -                  | 0    | -                                                         | warning: no comment: too many requests
fork       | reads   | same   | -       |                                                      | -                  | 0    | -                                                         | nothing to say
fork       | reads   | grew   | -       |                                                      | -                  | 0    | -                                                         | no comment, as is usual for a fork
fork       | reads   | grew   | -       | (compressed: 1kB)                                    | -                  | 1    | -                                                         | no comment, as is usual for a fork
fork       | reads   | grew   | -       | --comment=always                                     | -                  | 0    | -                                                         | no comment, as is usual for a fork
fork       | none    | failed | -       |                                                      | -                  | 3    | -                                                         | no comment, as is usual for a fork
fork       | writes  | grew   | -       |                                                      | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
deleted    | reads   | grew   | -       |                                                      | -                  | 0    | -                                                         | no comment, as is usual for a fork
dependabot | reads   | grew   | -       |                                                      | -                  | 0    | -                                                         | nothing to say
dependabot | reads   | grew   | -       | {bots: comment}                                      | -                  | 0    | -                                                         | no comment, as is usual for Dependabot
dependabot | reads   | grew   | -       | (compressed: 1kB)                                    | -                  | 1    | -                                                         | nothing to say
renovate   | writes  | grew   | -       |                                                      | -                  | 0    | -                                                         | nothing to say
renovate   | writes  | grew   | -       | (compressed: 1kB)                                    | -                  | 1    | -                                                         | nothing to say
renovate   | writes  | grew   | old     |                                                      | updated            | 0    | weighbridge: `orders` +105.4 kB                           | comment updated on
renovate   | writes  | same   | old     |                                                      | updated            | 0    | weighbridge: back to normal, no change                    | comment updated on
renovate   | writes  | grew   | -       | {bots: comment}                                      | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
renovate   | writes  | same   | -       | --comment=always                                     | created            | 0    | weighbridge: no change in 1 image                         | comment made on
push       | writes  | grew   | -       | --comment=always                                     | -                  | 0    | -                                                         |
tag        | writes  | grew   | -       |                                                      | -                  | 0    | -                                                         |
queue      | writes  | grew   | old     | --comment=always                                     | untouched          | 0    | weighbridge: of a run                                     |
";

const GITLAB: &str = "
event   | token  | build  | earlier | settings                           | posted             | code | title                                                     | remark
branch  | writes | same   | -       |                                    | -                  | 0    | -                                                         | nothing to say
branch  | writes | first  | -       |                                    | -                  | 0    | -                                                         | nothing to say
branch  | writes | grew   | -       |                                    | created            | 0    | weighbridge: `orders` +105.4 kB (+99.9 %)                 | comment made on merge request 7
branch  | writes | failed | -       |                                    | created            | 3    | weighbridge: 1 of 1 image failed to build                 | (a build has no numbers)
branch  | writes | grew   | -       | (compressed: 150kB)                | created            | 1    | weighbridge: 1 of 1 image over budget, `orders` +105.4 kB | (a budget is missed
branch  | writes | same   | old     |                                    | updated            | 0    | weighbridge: back to normal, no change in 1 image         | comment updated on
branch  | writes | grew   | new     |                                    | untouched          | 0    | weighbridge: of a run                                     | left as a later run wrote it
branch  | writes | grew   | twice   |                                    | updated, 1 deleted | 0    | weighbridge: `orders` +105.4 kB                           | comment updated on
branch  | writes | grew   | forged  |                                    | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
branch  | writes | grew   | other   |                                    | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
branch  | writes | grew   | old     | --report-name=backend              | created            | 0    | weighbridge (backend): `orders` +105.4 kB                 | comment made on
labeled | writes | grew   | -       | (compressed_growth: 5%)            | created            | 0    | weighbridge: 1 of 1 image over budget as a label allows   | (a budget is missed
labeled | writes | grew   | -       | (wall: 1ms)                        | created            | 1    | weighbridge: 1 of 1 image over budget                     | (a budget is missed
branch  | reads  | grew   | -       |                                    | -                  | 0    | -                                                         | warning: no comment: not allowed to
branch  | reads  | grew   | -       | --comment=always                   | -                  | 5    | -                                                         | error: no comment: not allowed to
branch  | none   | grew   | -       |                                    | -                  | 0    | -                                                         | warning: no comment: GITLAB_TOKEN is not set
branch  | locked | grew   | -       |                                    | -                  | 0    | -                                                         | locked
branch  | ill    | grew   | -       |                                    | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
fork    | none   | grew   | -       |                                    | -                  | 0    | -                                                         | no comment, as is usual for a fork
fork    | none   | grew   | -       | (compressed: 1kB) --comment=always | -                  | 1    | -                                                         | no comment, as is usual for a fork
bot     | writes | grew   | -       |                                    | -                  | 0    | -                                                         | nothing to say
bot     | writes | grew   | -       | {bots: comment}                    | created            | 0    | weighbridge: `orders` +105.4 kB                           | comment made on
bot     | writes | same   | old     |                                    | updated            | 0    | weighbridge: back to normal                               | comment updated on
push    | writes | grew   | -       | --comment=always                   | -                  | 0    | -                                                         |
queue   | writes | grew   | old     | --comment=always                   | untouched          | 0    | weighbridge: of a run                                     |
";

/// A repository whose baseline is known, in which one row after the other is run.
struct Yard {
    server: Server,
    case: Case,
    common: BTreeMap<String, String>,
}

impl Yard {
    async fn new(kind: Kind) -> Self {
        let case = Case::configured("{images: {orders: {context: orders}}, cache: {backend: none}}");
        case.repository.commit("head");
        case.docker.builds("orders", &Build::ok(TestImage::of(100_000)));
        case.run(&["--base", "HEAD~1"]).expect(0);
        let report = case.repository.read(".weighbridge/report.json");
        case.repository.write(".git/baseline.json", report);
        let common = case.repository.env.clone();
        Self { server: Server::start(kind).await, case, common }
    }

    fn set(&mut self, variables: &[(&str, &str)]) {
        variables.iter().for_each(|(name, value)| self.case.set(name, value));
    }

    fn on_github(&mut self, event: &str) {
        let (api_url, graphql_url) = (self.server.api_url(), self.server.graphql_url());
        let own = r#"{"full_name": "acme/shop", "default_branch": "main"}"#;
        let (head, author, labels) = match event {
            "fork" => (r#"{"full_name": "eve/shop"}"#, "eve", "[]"),
            "deleted" => ("null", "eve", "[]"),
            "dependabot" => (own, "dependabot[bot]", "[]"),
            "renovate" => (own, "renovate[bot]", "[]"),
            "labeled" => (own, "ann", r#"[{"name": "Allow-Size-Increase"}]"#),
            _ => (own, "ann", "[]"),
        };
        let pull_request = format!(
            r#"{{"number": 7, "head": {{"repo": {head}}}, "user": {{"login": "{author}"}}, "labels": {labels}}}"#
        );
        let (name, reference, pull_request) = match event {
            "push" => ("push", "refs/heads/main", "null"),
            "tag" => ("push", "refs/tags/v1", "null"),
            "queue" => ("merge_group", "refs/heads/gh-readonly-queue/main/pr-7-a", "null"),
            _ => ("pull_request", "refs/pull/7/head", pull_request.as_str()),
        };
        let payload = format!(r#"{{"repository": {own}, "pull_request": {pull_request}}}"#);
        let payload = self.case.repository.write(".git/event.json", payload);
        self.set(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_EVENT_PATH", payload.to_str().unwrap()),
            ("GITHUB_REF", reference),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "5"),
            ("GITHUB_API_URL", &api_url),
            ("GITHUB_GRAPHQL_URL", &graphql_url),
        ]);
    }

    fn on_gitlab(&mut self, event: &str) {
        let api_url = self.server.api_url();
        self.set(&[
            ("GITLAB_CI", "true"),
            ("CI_API_V4_URL", &api_url),
            ("CI_PIPELINE_ID", "5"),
            ("CI_COMMIT_REF_NAME", "main"),
            ("GITLAB_USER_LOGIN", if event == "bot" { "project_42_bot_0a1b" } else { "ann" }),
        ]);
        if event != "push" {
            self.set(&[
                ("CI_MERGE_REQUEST_IID", "7"),
                ("CI_MERGE_REQUEST_PROJECT_ID", "42"),
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", if event == "fork" { "43" } else { "42" }),
                ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
                ("CI_MERGE_REQUEST_EVENT_TYPE", if event == "queue" { "merge_train" } else { "detached" }),
                ("CI_MERGE_REQUEST_LABELS", if event == "labeled" { "search,Allow-Size-Increase" } else { "" }),
            ]);
        }
    }

    /// Sets the row up, runs it, and says what it led to in the columns of the table.
    fn row(&mut self, row: &[&str]) -> [String; 4] {
        let [event, token, build, earlier, settings, .., remark] = *row else { panic!("{row:?}") };
        let kind = self.server.kind;
        self.case.repository.env = self.common.clone();
        self.set(&[("CI", "true"), ("NO_PROXY", "127.0.0.1")]);
        if kind == Kind::Gitlab {
            self.on_gitlab(event)
        } else {
            self.on_github(event)
        }
        let secret = match token {
            "none" => "",
            "expired" => "expired-token",
            _ => TOKEN,
        };
        self.set(&[(if kind == Kind::Gitlab { "GITLAB_TOKEN" } else { "GITHUB_TOKEN" }, secret)]);
        let us = self.server.model().us;
        *self.server.model() = Model::new(us);
        write_earlier(&mut self.server.model(), earlier);
        trouble(&mut self.server.model(), token);
        let arguments = self.settle(settings, build);
        let before = self.server.model().comments.clone();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = self.case.run(&arguments);
        assert!(!run.stderr.contains(TOKEN) && !run.stdout.contains(TOKEN), "{run:?}");
        let (posted, title) = became(&before, &self.server.model());
        let said = if run.stderr.contains(remark) { remark.to_owned() } else { run.stderr };
        [posted, run.code.unwrap().to_string(), title, said]
    }

    /// Writes the configuration, sets what the fake docker builds, and returns the options.
    fn settle(&self, settings: &str, build: &str) -> Vec<String> {
        let between =
            |open: char, close: char| settings.split_once(open)?.1.rsplit_once(close).map(|(inside, _)| inside);
        let (limits, keys) = (between('(', ')').unwrap_or_default(), between('{', '}'));
        let keys = keys.map(|keys| format!(", {keys}")).unwrap_or_default();
        let yaml = format!(
            "{{images: {{orders: {{context: orders, budget: {{{limits}}}}}}}, cache: {{backend: none}}{keys}}}"
        );
        self.case.repository.write("weighbridge.yml", yaml);
        let image = match build {
            "noise" => TestImage::of(105_000),
            "grew" => TestImage::of(200_000),
            "shrank" => TestImage::of(50_000),
            "broken" => TestImage::damaged(Damage::TruncatedBlob),
            _ => TestImage::of(100_000),
        };
        self.case.docker.builds("orders", &if build == "failed" { Build::failing() } else { Build::ok(image) });
        let baseline = if build == "first" { ["--base", "HEAD~1"] } else { ["--baseline", ".git/baseline.json"] };
        let options = settings.split(' ').filter(|word| word.starts_with("--"));
        baseline.into_iter().chain(options).map(str::to_owned).collect()
    }
}

fn write_earlier(model: &mut Model, earlier: &str) {
    let body = |key: &str, run: u8| {
        format!("<!-- weighbridge:key={key};v=1;head=abcdef0123;run={run} -->\n### weighbridge: of a run")
    };
    model.write("ann", "What does this do?");
    let comments: &[(&str, &str, u8)] = match earlier {
        "old" => &[(model.us, "weighbridge", 3)],
        "new" => &[(model.us, "weighbridge", 9)],
        "twice" => &[(model.us, "weighbridge", 3), (model.us, "weighbridge", 4)],
        "both" => &[(model.us, "weighbridge", 3), (model.us, "weighbridge", 9)],
        "forged" => &[("eve", "weighbridge", 9)],
        "other" => &[(model.us, "weighbridge/release.yml", 3)],
        _ => &[],
    };
    for (author, key, run) in comments {
        model.write(author, &body(key, *run));
    }
}

fn trouble(model: &mut Model, token: &str) {
    model.is_read_only = token == "reads";
    model.is_locked = token == "locked";
    let reply = match token {
        "ill" => Reply::error(502, "oops"),
        "busy" => Reply::error(429, "Retry later").with("retry-after", 3_600),
        _ => return,
    };
    model.troubles.push_back((Verb::Create, Trouble::Before(reply)));
}

/// What became of our comments, and the title of the one that counts: the one that was written, else the first.
fn became(before: &[Comment], model: &Model) -> (String, String) {
    let others = |comments: &[Comment]| {
        comments.iter().filter(|comment| comment.author != model.us).cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(before), others(&model.comments), "comments of others are theirs");
    let ours = |comments: &[Comment]| {
        let own = comments.iter().filter(|comment| comment.author == model.us && !comment.body.contains("release.yml"));
        own.map(|comment| (comment.id, comment.body.clone())).collect::<BTreeMap<u64, String>>()
    };
    let (before, after) = (ours(before), ours(&model.comments));
    let created: Vec<&u64> = after.keys().filter(|id| !before.contains_key(id)).collect();
    let updated: Vec<&u64> = after.keys().filter(|id| before.get(id).is_some_and(|body| *body != after[id])).collect();
    let deleted = before.keys().filter(|id| !after.contains_key(id)).count();
    let written = match (&created[..], &updated[..]) {
        ([], []) => after.keys().next(),
        ([id], []) | ([], [id]) => Some(*id),
        _ => panic!("more than one comment was written: {after:?}"),
    };
    let what = match (created.is_empty(), updated.is_empty(), after.is_empty()) {
        (false, ..) => "created",
        (_, false, _) => "updated",
        (_, _, true) => "-",
        _ => "untouched",
    };
    let posted = if deleted > 0 { format!("{what}, {deleted} deleted") } else { what.to_owned() };
    let title = written.map(|id| after[id].lines().nth(1).unwrap().trim_start_matches("### ").to_owned());
    (posted, title.unwrap_or_else(|| "-".to_owned()))
}

async fn hold(kind: Kind, table: &str, at_least: usize) {
    let mut yard = Yard::new(kind).await;
    let rows: Vec<&str> = table.lines().skip(2).collect();
    assert!(rows.len() >= at_least);
    let mut wrong = Vec::new();
    for line in rows {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [.., posted, code, title, remark] = columns[..] else { panic!("{line}") };
        let led_to = yard.row(&columns);
        // A title is written down as far as it matters.
        let is_right = led_to[0] == posted && led_to[1] == code && led_to[2].starts_with(title) && led_to[3] == remark;
        if !is_right {
            wrong.push(format!("{line}\n  led to {led_to:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn each_situation_on_github_ends_as_the_table_says() {
    hold(Kind::GithubEnterprise, GITHUB, 40).await;
}

#[tokio::test]
async fn each_situation_on_gitlab_ends_as_the_table_says() {
    hold(Kind::Gitlab, GITLAB, 20).await;
}
