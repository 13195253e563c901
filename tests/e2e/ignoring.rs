//! What a real build takes from its context, file by file, against what the Dockerfile and the `.dockerignore` say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use weighbridge::dockerfile::{DockerIgnore, Dockerfile, Instruction};

use super::repository;
use super::support::Repository;

/// The files of the context. The content of each is its path, so that it is known wherever it lands.
const FILES: [&str; 45] = [
    ".env",
    ".git/config",
    "!bang",
    "#hash",
    "README.md",
    "[z",
    "^caret",
    "a.js",
    "a/c",
    "a*b",
    "a\\*b",
    "abc",
    "acb",
    "adc",
    "axc",
    "build1ebug",
    "caret",
    "d/x",
    "d/y",
    "docs/README.md",
    "docs/deep/guide.md",
    "docs/deep/keep",
    "docs/index.md",
    "env",
    "f*]",
    "f[o",
    "f]",
    "f^]",
    "fo",
    "main.go",
    "node_modules/p/index.js",
    "notes.md",
    "pipe|x",
    "src/a/b.go",
    "src/a/deep/keep.go",
    "src/a/deep/other.go",
    "src/build1ebug",
    "src/lib.go",
    "src/node_modules/q.js",
    "src/sub/s.md",
    "tail.{js,ts}",
    "tail.ts",
    "with space",
    "x/z",
    "é.txt",
];

fn context() -> Repository {
    let repository = repository();
    for file in FILES {
        repository.write(&format!("context/{file}"), file);
    }
    repository
}

/// Builds the context with its last stage written to `out`.
fn build(repository: &Repository, dockerfile: &str) -> Output {
    repository.write("Dockerfile", dockerfile);
    let mut command = Command::new("docker");
    command.args(["buildx", "build", "--quiet", "--file", "Dockerfile", "--output", "type=local,dest=out", "context"]);
    command.current_dir(repository.path()).output().unwrap()
}

#[track_caller]
fn built(repository: &Repository, dockerfile: &str) {
    let _ = std::fs::remove_dir_all(repository.path().join("out"));
    let output = build(repository, dockerfile);
    assert!(output.status.success(), "{dockerfile}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_files_that_a_dockerignore_keeps_are_those_that_land() {
    let repository = context();
    for ignore in [
        "# comment\n#hash\n *.md \n!README.md\n\n\tabc\t\n\\!bang\n",
        "\u{feff}#hash\r\nabc\r\nadc\r\n!  /abc\r\n",
        "\\#hash\n/src/a/\n./docs\n!docs/deep/keep\nnode_modules\n",
        "**/node_modules\n**/*.go\n!src/a/**/keep.go\n**/README.md\n",
        "*\n!src\n!docs/*.md\nsrc/a\n!src/a/deep/other.go\n",
        "**\n!**/*.md\n!.env\ndocs/deep\n",
        "[a-c]*\n!a[!b]c\n[!-.]env\n",
        "f[*]\na[^b]c\n[^a-z]*\n",
        "^c*\nbuild\\debug\nwith?space\n?.txt\na\\*b\n",
        "d\n!d/x\nd*\n",
        "docs**\n**deep\nsrc/**\n!src/**/s.md\n",
        "*.{js,ts}\npipe|x\nm|*.env\n",
        "!!bang\n..\n.\n/\na/..\n./src/../abc\n",
        "*/*\n!*/deep\n!src/a/*\n**/keep*\n",
    ] {
        repository.write("context/.dockerignore", ignore);
        built(&repository, "FROM scratch\nCOPY . /all\n");
        let all = repository.path().join("out/all");
        let landed: BTreeSet<String> =
            files(&all).iter().map(|file| file.strip_prefix(&all).unwrap().to_str().unwrap().to_owned()).collect();
        let kept = DockerIgnore::parse(ignore).unwrap().kept(FILES.into_iter().chain([".dockerignore"]));
        assert_eq!(kept.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), landed, "{ignore:?}");
    }
}

#[test]
fn what_is_refused_in_a_dockerignore_fails_the_build() {
    let repository = context();
    for (ignore, line) in
        [("abc\n[\n", 2), ("[a-]\n", 1), ("a\\\n", 1), ("\n\n!\n", 3), ("!/\n", 1), ("[z-a]\n", 1), ("\\y\n", 1)]
    {
        repository.write("context/.dockerignore", ignore);
        let output = build(&repository, "FROM scratch\nCOPY . /all\n");
        let message = String::from_utf8_lossy(&output.stderr);
        let reasons = ["syntax error in pattern", "illegal exclusion pattern"];
        assert!(
            !output.status.success() && reasons.iter().any(|reason| message.contains(reason)),
            "{ignore:?} {message}"
        );
        assert_eq!(DockerIgnore::parse(ignore).unwrap_err().line, line, "{ignore:?}");
    }
}

/// The files that landed below a directory of the image, whatever they are called there.
fn landed(repository: &Repository, directory: &str) -> BTreeSet<String> {
    let files = files(&repository.path().join("out").join(directory));
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// The files that an instruction takes from the context by its text.
fn taken(dockerfile: &Dockerfile, instruction: &Instruction) -> BTreeSet<String> {
    let values = dockerfile.values_at(instruction, &BTreeMap::new());
    let sources = dockerfile.sources(instruction, &values).unwrap();
    let is_taken = |file: &&str| sources.iter().any(|sources| sources.takes(file));
    FILES.into_iter().filter(is_taken).map(str::to_owned).collect()
}

#[test]
fn the_files_that_a_copy_takes_are_those_that_land() {
    let sources = [
        ".",
        "/",
        "./docs/deep/../",
        "abc /adc ../axc",
        "*.go",
        "**/*.go",
        "src/*/*.go",
        "d*",
        "*/deep",
        "nothing*",
        "a[^b]c",
        "a[!b]c a[b-d]c",
        "[[]z",
        "a\\*b",
        "\"a*b\"",
        "a\\\\*b f[[]o ?.txt",
        "src/a/d\\\neep",
        "$DIR/lib.go ${DIR}/${SUB:-none} ${EMPTY:-acb}",
        "--exclude=*.md .",
        "--exclude=*.md *.md docs",
        "--exclude=**/*.md --exclude=\"!**/guide.md\" docs",
        "--exclude=/abc --exclude=./d/ --exclude=docs/deep . ",
        "--exclude=deep --exclude=a/deep src/a",
        "--exclude=é.txt .",
        "--link --chmod=644 --chown=1:1 fo",
    ];
    let lines = sources.iter().enumerate().map(|(index, sources)| format!("COPY {sources} /{index}/\n"));
    let more = "COPY [\"with space\", \"x/../fo\", \"/json/\"]\nADD *.md src/sub /add/\n";
    let text = format!("FROM scratch\nARG DIR=src\nENV SUB=sub EMPTY=\n{}{more}", lines.collect::<String>());
    let repository = context();
    built(&repository, &text);
    let dockerfile = Dockerfile::parse(&text).unwrap();
    let instructions = dockerfile.stages[0].instructions.iter().skip(2);
    for instruction in instructions {
        let destination = instruction.arguments.trim_end_matches(['"', ']', '/']).rsplit('/').next().unwrap();
        assert_eq!(taken(&dockerfile, instruction), landed(&repository, destination), "{instruction}");
    }
}

#[test]
fn the_files_that_a_mount_shows_are_those_that_it_takes() {
    let text = "FROM debian:bookworm-slim AS work\n\
                RUN --mount=target=/m cp -r /m /0\n\
                RUN --mount=type=bind,source=src/a,target=/m cp -r /m /1\n\
                RUN --mount=src=/docs/../a*b,dst=/m mkdir /2 && cp /m /2/\n\
                FROM scratch\nCOPY --from=work /0 /0\nCOPY --from=work /1 /1\nCOPY --from=work /2 /2\n";
    let repository = context();
    built(&repository, text);
    let dockerfile = Dockerfile::parse(text).unwrap();
    for (index, instruction) in dockerfile.stages[0].instructions.iter().enumerate() {
        assert_eq!(taken(&dockerfile, instruction), landed(&repository, &index.to_string()), "{instruction}");
    }
}
