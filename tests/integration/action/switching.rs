//! Workflows that were written for docker/build-push-action, with another `uses:`: what each of them builds. The steps
//! have the shapes that are found in public workflows, and go the whole way from their YAML to the plan.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::action::log::Log;
use crate::case::Case;
use crate::runner::{Runner, Step};

/// What GitHub puts into the place of expressions before an action sees them.
const EXPRESSIONS: [(&str, &str); 14] = [
    ("${{ env.IMAGE }}", "ghcr.io/acme/shop"),
    ("${{ env.PLATFORM }}", "linux/arm64"),
    ("${{ github.event_name != 'pull_request' }}", "true"),
    ("${{ github.sha }}", "0123456789012345678901234567890123456789"),
    ("${{ github.workspace }}", "ROOT"),
    ("${{ inputs.nothing }}", ""),
    ("${{ matrix.image }}", "web"),
    ("${{ secrets.EMPTY }}", ""),
    ("${{ secrets.KEY }}", "-----BEGIN KEY-----\n hunter2, hunter3=\n-----END KEY-----"),
    ("${{ secrets.TOKEN }}", "hunter2hunter2"),
    ("${{ steps.date.outputs.created }}", "2026-11-26T21:00:00Z"),
    (
        "${{ steps.meta.outputs.annotations }}",
        "manifest:org.opencontainers.image.title=shop\nmanifest:org.opencontainers.image.description=Sells things, and more",
    ),
    (
        "${{ steps.meta.outputs.labels }}",
        "org.opencontainers.image.title=shop\norg.opencontainers.image.description=Sells things, \"cheap\", and more\n\
         org.opencontainers.image.version=1.10\norg.opencontainers.image.url=https://acme.test/?a=b&c=d",
    ),
    ("${{ steps.meta.outputs.tags }}", "ghcr.io/acme/shop:1.10\nghcr.io/acme/shop:latest"),
];

struct Job {
    case: Case,
    runner: Runner,
}

impl Job {
    /// A push to `main` of a repository that was checked out.
    fn new() -> Self {
        let case = Case::new();
        for file in ["Dockerfile", "app/Dockerfile", "docker/Dockerfile.prod"] {
            case.repository.write(file, "FROM scratch AS build\nFROM scratch\n");
        }
        let mut runner = Runner::new();
        runner.env.extend(case.repository.env.clone());
        let event = case.docker.path("event.json");
        std::fs::write(&event, json!({ "repository": { "default_branch": "main" } }).to_string()).unwrap();
        let scopes = json!([{ "Scope": "refs/heads/main", "Permission": 3 }]).to_string();
        let claims = json!({ "exp": 4_102_444_800_u64, "nbf": 1, "ac": scopes }).to_string();
        let token = [r#"{"alg":"RS256"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".") + ".sig";
        for (name, value) in [
            ("WEIGHBRIDGE_BIN", env!("CARGO_BIN_EXE_weighbridge")),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_HEAD_REF", ""),
            ("ACTIONS_RESULTS_URL", "http://127.0.0.1:9/"),
            ("ACTIONS_CACHE_SERVICE_V2", "True"),
            ("ACTIONS_RUNTIME_TOKEN", token.as_str()),
        ] {
            runner.set(name, value);
        }
        Self { case, runner }
    }

    /// Gives what stands below `with:`.
    fn with(&mut self, yaml: &str) {
        let inputs: serde_json::Map<String, Value> = serde_yaml::from_str(yaml).unwrap();
        let root = self.case.repository.path().to_str().unwrap();
        for (name, value) in inputs {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text,
                other => other.to_string(),
            };
            let text = EXPRESSIONS.iter().fold(text, |text, (expression, value)| text.replace(expression, value));
            assert!(!text.contains("${{"), "an expression is not known: {text}");
            self.runner.give(&name, &text.replace("ROOT", root));
        }
    }

    fn step(&self, code: i32) -> Step {
        let mut command = self.runner.command();
        command.current_dir(self.case.repository.path());
        Step::of(command).expect(code)
    }

    /// The arguments of every planned build, one option per line, without those that every build has and the caches
    /// that are ours to choose.
    fn plan(&mut self, args: &str) -> String {
        // Outside of the contexts, or each build would read a copy of its Dockerfile.
        self.runner.give("args", &format!("--dry-run --format json --output-dir /nonexistent/output {args}"));
        let step = self.step(0);
        let plan: Value = serde_json::from_str(&step.stdout).unwrap_or_else(|_| panic!("{}", step.stdout));
        let builds: Vec<String> = plan["cells"].as_array().unwrap().iter().map(|cell| self.build(cell)).collect();
        format!("{}\n{}", builds.join("\n\n"), Log::read(&step.stderr).text)
    }

    fn build(&self, cell: &Value) -> String {
        let root = self.case.repository.path().canonicalize().unwrap().to_str().unwrap().to_owned();
        let words =
            cell["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().replace(&root, "ROOT"));
        let words: Vec<String> = words.collect();
        assert_eq!(words[..3], ["docker", "buildx", "build"]);
        let mut lines = vec![format!("{} {}", cell["image"].as_str().unwrap(), cell["platform"].as_str().unwrap())];
        let mut rest = words.into_iter().skip(3).peekable();
        while let Some(word) = rest.next() {
            let takes_value = word.starts_with("--") && !["--no-cache", "--pull"].contains(&word.as_str());
            let value = if takes_value { rest.next().unwrap() } else { String::new() };
            let is_ours = match word.as_str() {
                "--platform" | "--progress" | "--metadata-file" => true,
                "--cache-from" | "--cache-to" => value.contains("scope=weighbridge-"),
                "--output" => value.contains("tar=false") && rest.peek().is_none_or(|next| !next.starts_with("--")),
                _ => false,
            };
            if !is_ours {
                let value = if value.contains(['\n', '"']) { format!("{value:?}") } else { value };
                lines.push(format!("{word} {value}").trim_end().to_owned());
            }
        }
        lines.join("\n")
    }
}

/// What a step of a job on `main` plans.
fn plan(yaml: &str) -> String {
    let mut job = Job::new();
    job.with(yaml);
    job.plan("").trim_end().to_owned()
}

#[test]
fn the_plainest_steps() {
    insta::assert_snapshot!(plan("
context: .
push: ${{ github.event_name != 'pull_request' }}
tags: acme/shop:latest
"), @"
    shop linux/amd64
    --file ROOT/Dockerfile
    --tag acme/shop:latest
    --output type=registry
    ROOT
    ");
    insta::assert_snapshot!(plan("
context: ./app
file: ./app/Dockerfile
push: 'True'
load: false
tags: ${{ env.IMAGE }}:${{ github.sha }},${{ env.IMAGE }}:latest
cache-from: type=gha
cache-to: type=gha,mode=max
"), @"
    shop linux/amd64
    --file ROOT/app/Dockerfile
    --tag ghcr.io/acme/shop:0123456789012345678901234567890123456789
    --tag ghcr.io/acme/shop:latest
    --cache-from type=gha
    --cache-to type=gha,mode=max,ignore-error=true
    --output type=registry
    ROOT/app
    ");
}

#[test]
fn steps_that_only_test() {
    insta::assert_snapshot!(plan("
load: true
tags: acme/shop:test
file: ./docker/Dockerfile.prod
cache-from: type=local,src=/tmp/.buildx-cache
cache-to: type=local,dest=/tmp/.buildx-cache-new,mode=max
"), @"
    shop linux/amd64
    --file ROOT/docker/Dockerfile.prod
    --tag acme/shop:test
    --cache-from type=local,src=/tmp/.buildx-cache
    --cache-to type=local,dest=/tmp/.buildx-cache-new,mode=max,ignore-error=true
    --provenance false
    --sbom false
    --output type=docker
    ROOT
    ");
    insta::assert_snapshot!(plan("
context: app
push: false
tags: >-
  acme/shop:1,
  acme/shop:2
outputs: type=docker,dest=/tmp/image.tar
build-args: ${{ inputs.nothing }}
secrets: ''
platforms:
"), @"
    shop linux/amd64
    --file ROOT/app/Dockerfile
    --tag acme/shop:1
    --tag acme/shop:2
    --provenance false
    --sbom false
    --output type=docker,dest=/tmp/image.tar
    ROOT/app
    ");
    insta::assert_snapshot!(plan(r#"
context: git://example.test/acme/tools.git#v1:images/base
file: Dockerfile.base
labels: |
  "org.opencontainers.image.description=Base image,
  for everyone"
  maintainer=The "shop" <shop@acme.test>
build-args: |
  "NAMES=a,b"
  QUERY=x=1&y=2
call: build
"#), @r#"
    shop linux/amd64
    --file Dockerfile.base
    --build-arg NAMES=a,b
    --build-arg QUERY=x=1&y=2
    --label "maintainer=The \"shop\" <shop@acme.test>"
    --label "org.opencontainers.image.description=Base image,\nfor everyone"
    --provenance false
    --sbom false
    git://example.test/acme/tools.git#v1:images/base
    "#);
}

#[test]
fn what_is_pushed_has_the_attributes_of_its_output() {
    insta::assert_snapshot!(plan("
context: app
push: true
tags: ${{ env.IMAGE }}
outputs: type=image,oci-mediatypes=true,compression=zstd,compression-level=3,force-compression=true
sbom: generator=docker/scout-sbom-indexer:latest
provenance: true
github-token: ${{ secrets.TOKEN }}
secrets: GIT_AUTH_TOKEN=${{ secrets.TOKEN }}
"), @"
    shop linux/amd64
    --file ROOT/app/Dockerfile
    --tag ghcr.io/acme/shop
    --secret id=GIT_AUTH_TOKEN,env=WEIGHBRIDGE_SECRET_1
    --provenance builder-id=https://github.com/acme/shop/actions/runs/42/attempts/1
    --sbom generator=docker/scout-sbom-indexer:latest
    --output type=image,oci-mediatypes=true,compression=zstd,compression-level=3,force-compression=true,push=true
    ROOT/app
    ");
}

#[test]
fn the_outputs_of_docker_metadata_action() {
    insta::assert_snapshot!(plan("
context: .
tags: ${{ steps.meta.outputs.tags }}
labels: ${{ steps.meta.outputs.labels }}
annotations: ${{ steps.meta.outputs.annotations }}
"), @r#"
    shop linux/amd64
    --file ROOT/Dockerfile
    --label "org.opencontainers.image.description=Sells things, \"cheap\", and more"
    --label org.opencontainers.image.title=shop
    --label org.opencontainers.image.url=https://acme.test/?a=b&c=d
    --label org.opencontainers.image.version=1.10
    --annotation manifest:org.opencontainers.image.title=shop
    --annotation manifest:org.opencontainers.image.description=Sells things, and more
    --tag ghcr.io/acme/shop:1.10
    --tag ghcr.io/acme/shop:latest
    --provenance false
    --sbom false
    ROOT
    "#);
}

#[test]
fn build_arguments_of_every_shape() {
    insta::assert_snapshot!(plan(r#"
context: "${{ github.workspace }}/app"
build-args: |
  VERSION=1.10
  # what is commented out is no argument
  CREATED=${{ steps.date.outputs.created }}

  FLAGS=--a=b -c "d e", 'f'
  JSON={"a":"b","c":[1,2]}
  "SEVERAL=one
  two = ""2"""
  EMPTY=
  HTTP_PROXY
  VERSION=1.11
  NPM_TOKEN=${{ secrets.TOKEN }}
target: build
no-cache-filters: build,deps
"#), @r#"
    shop linux/amd64
    --file ROOT/app/Dockerfile
    --target build
    --build-arg CREATED=2026-11-26T21:00:00Z
    --build-arg EMPTY=
    --build-arg "FLAGS=--a=b -c \"d e\", 'f'"
    --build-arg HTTP_PROXY
    --build-arg "JSON={\"a\":\"b\",\"c\":[1,2]}"
    --build-arg NPM_TOKEN
    --build-arg "SEVERAL=one\ntwo = \"2\""
    --build-arg VERSION=1.11
    --no-cache-filter build
    --no-cache-filter deps
    --provenance false
    --sbom false
    ROOT/app
    "#);
}

#[test]
fn lists_on_one_line_and_on_several() {
    insta::assert_snapshot!(plan("
tags: |
  ${{ env.IMAGE }}:a, ${{ env.IMAGE }}:b
  ${{ env.IMAGE }}:a
  # ${{ env.IMAGE }}:c

platforms: |
  linux/amd64
  ${{ env.PLATFORM }},linux/amd64
add-hosts: docker:10.180.0.1,registry.test:10.0.0.5
allow: network.host, security.insecure
ssh: default
ulimit: |
  nofile=1024:1024
  nproc=3
shm-size: 2g
network: host
cgroup-parent: build.slice
no-cache: true
pull: TRUE
"), @"
    shop linux/amd64
    --file ROOT/Dockerfile
    --tag ghcr.io/acme/shop:a
    --tag ghcr.io/acme/shop:b
    --ssh default
    --no-cache
    --pull
    --network host
    --cgroup-parent build.slice
    --add-host docker:10.180.0.1
    --add-host registry.test:10.0.0.5
    --ulimit nofile=1024:1024
    --ulimit nproc=3
    --shm-size 2147483648
    --allow network.host
    --allow security.insecure
    --provenance false
    --sbom false
    ROOT

    shop linux/arm64
    --file ROOT/Dockerfile
    --tag ghcr.io/acme/shop:a
    --tag ghcr.io/acme/shop:b
    --ssh default
    --no-cache
    --pull
    --network host
    --cgroup-parent build.slice
    --add-host docker:10.180.0.1
    --add-host registry.test:10.0.0.5
    --ulimit nofile=1024:1024
    --ulimit nproc=3
    --shm-size 2147483648
    --allow network.host
    --allow security.insecure
    --provenance false
    --sbom false
    ROOT
    ");
}

#[test]
fn build_contexts_and_caches() {
    insta::assert_snapshot!(plan("
context: '{{defaultContext}}:app'
build-contexts: |
  alpine=docker-image://alpine:3.20
  docs=docker
  source={{defaultContext}}
cache-from: |
  type=gha,scope=${{ matrix.image }}
  type=registry,ref=${{ env.IMAGE }}:buildcache
  ${{ env.IMAGE }}:main
cache-to: type=gha,scope=${{ matrix.image }},mode=max
"), @"
    shop linux/amd64
    --file ROOT/app/Dockerfile
    --build-context alpine=docker-image://alpine:3.20
    --build-context docs=ROOT/docker
    --build-context source=ROOT
    --cache-from type=gha,scope=web
    --cache-from type=registry,ref=ghcr.io/acme/shop:buildcache
    --cache-from ghcr.io/acme/shop:main
    --cache-to type=gha,scope=web,mode=max,ignore-error=true
    --provenance false
    --sbom false
    ROOT/app
    ");
}

#[test]
fn outputs_and_attestations() {
    insta::assert_snapshot!(plan("
context: .
platforms: ${{ env.PLATFORM }}
labels: ${{ inputs.nothing }}
outputs: type=image,name=${{ env.IMAGE }},push-by-digest=true,name-canonical=true,push=true
provenance: false
sbom: true
"), @"
    shop linux/arm64
    --file ROOT/Dockerfile
    --provenance false
    --sbom true
    --output type=image,name=ghcr.io/acme/shop,push-by-digest=true,name-canonical=true,push=true
    ROOT
    ");
    insta::assert_snapshot!(plan("
outputs: |
  type=docker,dest=/tmp/shop.tar
  type=local,\"dest=a,b\"
tags: acme/shop
provenance: mode=max
attests: type=sbom,generator=docker/scout-sbom-indexer
"), @r#"
    shop linux/amd64
    --file ROOT/Dockerfile
    --tag acme/shop
    --provenance mode=max,builder-id=https://github.com/acme/shop/actions/runs/42/attempts/1
    --sbom generator=docker/scout-sbom-indexer
    --output type=docker,dest=/tmp/shop.tar
    --output "type=local,\"dest=a,b\""
    ROOT
    "#);
    insta::assert_snapshot!(plan("{outputs: type=cacheonly, tags: acme/shop}"), @"
    shop linux/amd64
    --file ROOT/Dockerfile
    --tag acme/shop
    --provenance false
    --sbom false
    ROOT
    ");
}

/// What docker/build-push-action passes to buildx for the same step (`getArgs` in its `context.ts`), in its order.
#[test]
fn what_is_passed_is_what_the_incumbent_passes() {
    let incumbent = "--allow network.host --annotation index:a=b --build-arg A=1 --build-arg B=x,y --build-context c=docker-image://c \
                     --file docker/Dockerfile.prod --label l=m --network none --no-cache --pull --shm-size 64m \
                     --ssh default --tag acme/shop:1 --target build --ulimit nofile=1024:1024";
    let ours = plan(
        "
allow: network.host
annotations: index:a=b
build-args: |
  A=1
  B=x,y
build-contexts: c=docker-image://c
context: app
file: docker/Dockerfile.prod
labels: l=m
network: none
no-cache: true
pull: true
shm-size: 64m
ssh: default
tags: acme/shop:1
target: build
ulimit: nofile=1024:1024
",
    );
    let mut found: Vec<String> = ours.lines().skip(1).map(str::to_owned).collect();
    let added = ["--provenance", "--sbom"];
    assert_eq!(found.pop().as_deref(), Some("ROOT/app"));
    found.retain(|line| !added.iter().any(|option| line.starts_with(option)));
    let mut expected: Vec<String> =
        incumbent.replace(" --", "\n--").lines().map(|line| line.trim_end().to_owned()).collect();
    let same = |line: &mut String| *line = line.replace("ROOT/", "").replace("67108864", "64m");
    found.iter_mut().for_each(same);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn several_platforms_are_pushed_by_digest_and_joined_under_the_tags() {
    let yaml = "{platforms: 'linux/amd64,linux/arm64', tags: 'acme/shop:1', DELIVERY: true}";
    let pushed = plan(&yaml.replace("DELIVERY", "push"));
    let output = "--output type=image,name=acme/shop,push-by-digest=true,name-canonical=true,push=true";
    assert_eq!(pushed.matches(output).count(), 2, "{pushed}");
    assert!(!pushed.contains("--tag"), "{pushed}");
    let mut job = Job::new();
    job.with(&yaml.replace("DELIVERY", "load"));
    job.runner.give("args", "--dry-run");
    let log = Log::read(&job.step(2).stderr);
    insta::assert_snapshot!(log.of("error")[0], @"plan the build: shop linux/amd64 and shop linux/arm64 would each write the tag acme/shop:1, and only the last would stay; several platforms can be pushed under one tag, not loaded; choose one with --platform");
}

/// What a build is given, shown and recorded where its step has secrets of every kind.
#[test]
fn secrets_reach_the_build_and_nothing_else() {
    let mut job = Job::new();
    job.case.repository.write("npmrc", "hunter4hunter4");
    job.with(
        r#"
secrets: |
  TOKEN=${{ secrets.TOKEN }}
  "KEY=${{ secrets.KEY }}"
  EMPTY=${{ secrets.EMPTY }}
secret-envs: FROM_ENV=MY_TOKEN,UNSET=NOT_SET
secret-files: |
  NPMRC=./npmrc
  NOWHERE=./nowhere
"#,
    );
    job.runner.set("MY_TOKEN", "hunter5hunter5");
    insta::assert_snapshot!(job.plan(""), @"
    shop linux/amd64
    --file ROOT/Dockerfile
    --secret id=TOKEN,env=WEIGHBRIDGE_SECRET_1
    --secret id=KEY,env=WEIGHBRIDGE_SECRET_2
    --secret id=FROM_ENV,env=MY_TOKEN
    --secret id=NPMRC,src=ROOT/npmrc
    --provenance false
    --sbom false
    ROOT
    warning: left out: entry 3 of `secrets` is empty
    warning: left out: secret `UNSET`: environment variable NOT_SET is unset or empty
    warning: left out: secret `NOWHERE`: no file ./nowhere
    ");
    let shown = job.plan("--verbose");
    job.runner.give("args", "--no-rebuild-base --platform linux/amd64");
    let step = job.step(0);
    // The runner takes masks out of the log.
    let log = Log::read(&step.stderr);
    let mut all = format!("{shown}{}{}{:?}", step.stdout, log.text, job.case.docker.calls(&[]));
    for file in ["report.json", "report.md", "cells/shop/linux-amd64/build.log"] {
        all += &job.case.repository.read(&format!(".weighbridge/{file}"));
    }
    assert!(!all.contains("hunter"), "{all}");
    let environment = std::fs::read_to_string(&job.case.docker.files("env")[0]).unwrap();
    assert!(environment.contains("WEIGHBRIDGE_SECRET_1=hunter2hunter2\n"), "{environment}");
    assert!(environment.contains("WEIGHBRIDGE_SECRET_2=-----BEGIN KEY-----\n hunter2, "), "{environment}");
    assert!(environment.contains("MY_TOKEN=hunter5hunter5\n") && !environment.contains("INPUT_"), "{environment}");
}

#[test]
fn without_a_checkout_the_commit_is_fetched_with_the_token() {
    let mut job = Job::new();
    std::fs::remove_dir_all(job.case.repository.path().join(".git")).unwrap();
    job.with("{context: '{{defaultContext}}:app', file: Dockerfile.prod, github-token: hunter2hunter2}");
    insta::assert_snapshot!(job.plan(""), @"
    shop linux/amd64
    --file Dockerfile.prod
    --secret id=GIT_AUTH_TOKEN.github.com,env=WEIGHBRIDGE_SECRET_GIT
    --provenance false
    --sbom false
    https://github.com/acme/shop.git#0123456789012345678901234567890123456789:app
    ");
}

/// The base has its own files, and the words of the inputs.
#[test]
fn the_base_commit_is_built_as_the_inputs_say() {
    let mut job = Job::new();
    let base = job.case.repository.commit("base");
    job.case.repository.write("app/file", "new");
    job.case.repository.commit("head");
    job.with(
        "
context: ${{ github.workspace }}/app
file: docker/Dockerfile.prod
tags: acme/shop
build-args: VERSION=1
secrets: TOKEN=${{ secrets.TOKEN }}
rebuild-base: true
args: --load
",
    );
    let step = job.step(0);
    assert!(!step.stderr.contains("building it failed"), "{}", step.stderr);
    assert!(job.case.comment().contains(&base[..7]), "{}", job.case.comment());
    let builds = job.case.docker.calls(&["buildx", "build"]);
    let (head, of_base): (Vec<_>, Vec<_>) = builds.iter().partition(|words| words.contains(&"--tag".to_owned()));
    assert_eq!((head.len(), of_base.len()), (1, 1));
    for words in [head[0], of_base[0]] {
        let value = |option: &str| words[words.iter().position(|word| word == option).unwrap() + 1].as_str();
        assert_eq!((value("--build-arg"), value("--secret")), ("VERSION=1", "id=TOKEN,env=WEIGHBRIDGE_SECRET_1"));
        let root = words.last().unwrap().strip_suffix("/app").unwrap();
        assert_eq!(value("--file"), format!("{root}/docker/Dockerfile.prod"));
    }
    assert_ne!(head[0].last(), of_base[0].last());
}

#[test]
fn a_call_asks_about_the_dockerfile_and_builds_nothing() {
    for (status, code) in [(0, 0), (1, 3)] {
        let mut job = Job::new();
        job.case.docker.refuses("call", status, "#1 reading\n");
        job.case.docker.answers("call", "Check complete: \u{1b}[1mhunter2hunter2\n");
        job.with("{call: check, tags: acme/shop, push: true, secrets: 'TOKEN=${{ secrets.TOKEN }}'}");
        let step = job.step(code);
        assert!(step.stdout.contains("Check complete: ") && step.stderr.contains("#1 reading"), "{step:?}");
        assert!(!format!("{step:?}").contains("hunter2") && !step.stdout.contains('\u{1b}'), "{step:?}");
        let words = job.case.docker.calls(&[]).join(&"|".to_owned()).join(" ");
        let root = job.case.repository.path().canonicalize().unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(words.replace(root.to_str().unwrap(), "ROOT"), @"buildx build --call check --platform linux/amd64 --progress plain --file ROOT/.weighbridge/cells/shop/linux-amd64/dockerfile/Dockerfile --tag acme/shop --secret id=TOKEN,env=WEIGHBRIDGE_SECRET_1 ROOT");
        }
    }
    let mut job = Job::new();
    job.with("{call: 'outline,format=json', args: '--dry-run', context: app}");
    let shown = job.step(0).stdout;
    assert!(shown.starts_with("docker buildx build --call 'outline,format=json' --platform linux/amd64"), "{shown}");
    job.with("{call: build, args: '--dry-run'}");
    assert!(!job.step(0).stdout.contains("--call"));
}
