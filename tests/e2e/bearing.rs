//! Which settings make a real build run a step again, against those that are said to bear on it.

use std::process::Command;

use weighbridge::dockerfile::{Bearing, Dockerfile, first_difference};

use super::repository;
use super::support::Repository;

/// Builds, and tells whether the last step was taken from the cache.
fn is_cached(repository: &Repository, dockerfile: &str) -> bool {
    repository.write("Dockerfile", dockerfile);
    let mut command = Command::new("docker");
    command.args(["buildx", "build", "--progress=plain", "--output=type=cacheonly", "."]);
    let output = command.current_dir(repository.path()).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{dockerfile}\n{log}");
    let is_last = |line: &&str| {
        let number = line.split_once(']').and_then(|(before, _)| before.rsplit([' ', '[']).next());
        number.and_then(|number| number.split_once('/')).is_some_and(|(step, total)| step == total)
    };
    let last = log.lines().rfind(is_last).unwrap_or_else(|| panic!("no last step in {log}"));
    let vertex = last.split(' ').next().unwrap();
    log.lines().any(|line| line == format!("{vertex} CACHED"))
}

fn bearings(dockerfile: &str) -> Vec<Bearing> {
    let dockerfile = Dockerfile::parse(dockerfile).unwrap();
    dockerfile.bearings(dockerfile.stages.last().unwrap().instructions.last().unwrap()).unwrap()
}

#[test]
fn a_step_runs_again_where_a_setting_that_bears_on_it_differs() {
    let repository = repository();
    repository.write("file", "content");
    for (index, (base, head, step, is_same)) in [
        ("FROM D\nENV A=1", "FROM D\nENV A=2", "RUN true # SALT", false),
        ("FROM D\nENV A=1\nENV A=2", "FROM D\nENV A=3\nENV A=2", "RUN true # SALT", true),
        ("FROM D\nENV A=1\nENV B=$A A=2", "FROM D\nENV A=3\nENV B=$A A=2", "RUN true # SALT", false),
        ("FROM D\nENV A=1 B=2", "FROM D\nENV B=2 A=1", "RUN true # SALT", false),
        ("FROM D\nENV A=1 B=2", "FROM D\n\nENV A=1\nENV B=2", "RUN true # SALT", true),
        ("FROM D\nARG A=1", "FROM D\nARG A=2", "RUN true # SALT", false),
        ("ARG A=1\nFROM D", "ARG A=2\nFROM D", "RUN true # SALT", true),
        ("ARG A=1\nFROM D\nARG A", "ARG A=2\nFROM D\nARG A", "RUN true # SALT", false),
        ("FROM D\nUSER 0", "FROM D\nUSER root", "RUN true # SALT", false),
        ("FROM D\nUSER 1\nUSER 0", "FROM D\nUSER 0", "RUN true # SALT", true),
        ("FROM D", "FROM D\nSHELL [\"/bin/sh\", \"-ec\"]", "RUN true # SALT", false),
        ("FROM D", "FROM D\nSHELL [\"/bin/sh\", \"-ec\"]", "RUN [\"true\", \"SALT\"]", true),
        ("FROM D\nLABEL a=1", "FROM D\nCMD x", "RUN true # SALT", true),
        ("FROM D AS a\nENV A=1\nFROM a", "FROM D AS a\nENV A=2\nFROM a", "RUN true # SALT", false),
        ("FROM D\nENV A=1\nUSER 0", "FROM D\nENV A=2\nUSER 1", "COPY file /SALT", true),
        ("FROM D\nENV A=1", "FROM D\nENV A=2", "COPY file /SALT$A", false),
        ("FROM D\nENV A=1", "FROM D\nENV A=2", "COPY --chown=$A file /SALT", false),
        ("FROM D\nARG A=1\nENV B=$A", "FROM D\nARG A=2\nENV B=$A", "COPY file /SALT$B", false),
        ("FROM D\nARG A=1", "FROM D\nARG A=2", "WORKDIR /SALT", true),
        ("FROM D\nUSER 0", "FROM D\nUSER 1", "WORKDIR /SALT", false),
    ]
    .into_iter()
    .enumerate()
    {
        // Nobody built this step before.
        let salt = format!("bearing-{}-{index}", std::process::id());
        let [base, head] = [base, head].map(|settings| {
            format!("{settings}\n{step}\n").replace("SALT", &salt).replace("FROM D", "FROM debian:bookworm-slim")
        });
        assert_eq!(first_difference(&bearings(&base), &bearings(&head)).is_none(), is_same, "{base}{head}");
        assert!(!is_cached(&repository, &base), "{base}");
        assert_eq!(is_cached(&repository, &head), is_same, "{base}{head}");
    }
}
