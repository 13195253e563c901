//! Which files `ADD`, `COPY` and `RUN --mount` take: `dispatchCopy` and `dispatchRunMounts` in BuildKit's
//! `frontend/dockerfile/dockerfile2llb`, and `fsutil/copy`, which copies. Links are not followed, as no file is looked
//! at.

use std::collections::BTreeMap;

use super::pattern::Patterns;
use super::source::{Source, Taken};
use super::words::{expanded, flags, list};
use super::{Dockerfile, Instruction, heredoc};

/// Where files are taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The build context.
    Context,
    /// What `--from` names: a stage by name or number, a named context, or an image.
    Named(String),
}

/// What an instruction takes from one place.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The place.
    pub from: Origin,
    /// The paths and patterns, relative to that place, `.` for all of it. Variables are replaced.
    pub patterns: Vec<String>,
    /// What `--exclude` leaves out, relative to each thing that is taken.
    pub excludes: Vec<String>,
    sources: Vec<Source>,
    excluded: Patterns,
}

const COPY_FLAGS: [&str; 6] = ["chmod", "chown", "exclude", "from", "link", "parents"];
const ADD_FLAGS: [&str; 7] = ["checksum", "chmod", "chown", "exclude", "keep-git-dir", "link", "unpack"];

impl Dockerfile {
    /// What an instruction takes, with one entry for each place; nothing but `ADD`, `COPY` and `RUN` takes anything.
    /// Here-documents and what `ADD` downloads are not files of a place and are left out.
    ///
    /// `None` where the text does not say: it holds a variable that `values` lacks, or something that BuildKit would
    /// not build.
    #[must_use]
    pub fn sources(&self, instruction: &Instruction, values: &BTreeMap<String, String>) -> Option<Vec<Sources>> {
        let (flags, rest) = flags(&instruction.arguments, self.escape);
        let expand = |word: &str| expanded(word, self.escape, |name| values.get(name).cloned());
        match instruction.keyword.as_str() {
            "ADD" => Some(vec![copied(&Flags::of(&flags, &ADD_FLAGS)?, rest, expand)?]),
            "COPY" => Some(vec![copied(&Flags::of(&flags, &COPY_FLAGS)?, rest, expand)?]),
            "RUN" => {
                let mounts = flags.iter().filter_map(|flag| flag.strip_prefix("--mount="));
                let mounted: Option<Vec<_>> = mounts.map(|mount| mounted(mount, expand)).collect();
                mounted.map(|mounted| mounted.into_iter().flatten().collect())
            }
            _ => Some(Vec::new()),
        }
    }
}

impl Sources {
    fn new(from: Origin, sources: Vec<(String, Source)>, excludes: Vec<String>) -> Option<Self> {
        let mut excluded = Patterns::default();
        for exclude in &excludes {
            excluded.add(exclude).ok()?;
        }
        let (patterns, sources) = sources.into_iter().unzip();
        Some(Self { from, patterns, excludes, sources, excluded })
    }

    /// Whether a file is taken, by its path relative to the place, with forward slashes.
    #[must_use]
    pub fn takes(&self, path: &str) -> bool {
        self.taken(path) > Taken::No
    }

    /// Whether a file is taken by a directory or a pattern, such as `COPY . .`, and not by its own name.
    #[must_use]
    pub fn is_sweeping(&self, path: &str) -> bool {
        self.taken(path) == Taken::Swept
    }

    fn taken(&self, path: &str) -> Taken {
        self.sources.iter().map(|source| source.taken(path, &self.excluded)).max().unwrap_or(Taken::No)
    }
}

/// The flags of an instruction that say which files it takes.
struct Flags {
    from: Option<String>,
    excludes: Vec<String>,
    with_parents: bool,
}

impl Flags {
    /// `None` where one is not known, as it may change what is taken.
    fn of(flags: &[String], known: &[&str]) -> Option<Self> {
        let mut parsed = Self { from: None, excludes: Vec::new(), with_parents: false };
        for flag in flags {
            let flag = flag.strip_prefix("--")?;
            let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
            known.contains(&name).then_some(())?;
            match (name, value) {
                ("from", Some(name)) => parsed.from = Some(name.to_owned()),
                ("exclude", Some(pattern)) => parsed.excludes.push(pattern.to_owned()),
                ("parents", value) => parsed.with_parents = value.unwrap_or("true").to_lowercase().parse().ok()?,
                ("from" | "exclude", None) => return None,
                _ => {}
            }
        }
        Some(parsed)
    }
}

/// The sources of `ADD` and `COPY`: all words but the last.
fn copied(flags: &Flags, arguments: &str, expand: impl Fn(&str) -> Option<String>) -> Option<Sources> {
    let words = list(arguments)?;
    let (_, words) = words.split_last().filter(|(_, words)| !words.is_empty())?;
    let mut sources = Vec::new();
    for word in words.iter().filter(|word| !heredoc::is_opening(word)) {
        let word = expand(word)?;
        if !is_remote(&word) {
            sources.push(Source::copied(&word, flags.with_parents)?);
        }
    }
    Sources::new(origin(flags.from.as_deref().unwrap_or_default())?, sources, flags.excludes.clone())
}

/// What `--mount` takes; that may be nothing.
fn mounted(mount: &str, expand: impl Fn(&str) -> Option<String>) -> Option<Option<Sources>> {
    // A field between quotes may hold a comma.
    (!mount.contains('"')).then_some(())?;
    let (mut kind, mut from, mut source) = ("bind".to_owned(), String::new(), String::new());
    for (key, value) in mount.split(',').filter_map(|field| field.split_once('=')) {
        match key.to_lowercase().as_str() {
            "type" => kind = expand(value)?.to_lowercase(),
            "from" => from = value.to_owned(),
            "source" | "src" => source = expand(value)?,
            _ => {}
        }
    }
    if kind != "bind" && (kind != "cache" || from.is_empty()) {
        return Some(None);
    }
    Sources::new(origin(&from)?, vec![Source::mounted(&source)], Vec::new()).map(Some)
}

/// The place that a name means, in which BuildKit replaces no variables.
fn origin(name: &str) -> Option<Origin> {
    (!name.contains('$')).then(|| if name.is_empty() { Origin::Context } else { Origin::Named(name.to_owned()) })
}

/// Whether `ADD` downloads a source: `ParseGitRef` in `dfgitutil`.
fn is_remote(source: &str) -> bool {
    let host_of = |source: &str| {
        let (user, rest) = source.split_once('@')?;
        let (host, _) = rest.split_once(':')?;
        let is_name = |name: &str, more: &[char]| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
        };
        (is_name(user, &['-', '_']) && is_name(host, &['-', '.'])).then_some(())
    };
    let scheme = source.split_once("://").map(|(scheme, _)| scheme.to_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https" | "ssh" | "git"))
        || (scheme.is_none() && host_of(source).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(instruction: &str) -> Option<Vec<Sources>> {
        let dockerfile = Dockerfile::parse(&format!("FROM a\n{instruction}\n")).unwrap();
        let values = [("DIR", "src"), ("ALL", "*.go"), ("KIND", "bind")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        dockerfile.sources(&dockerfile.stages[0].instructions[0], &values)
    }

    fn shown(instruction: &str) -> String {
        let Some(sources) = sources(instruction) else { return "unknown".to_owned() };
        let show = |each: &Sources| {
            let from = match &each.from {
                Origin::Context => "",
                Origin::Named(name) => &format!("{name}: "),
            };
            let excludes: String = each.excludes.iter().map(|exclude| format!(" -{exclude}")).collect();
            format!("{from}{}{excludes}", each.patterns.join(" "))
        };
        sources.iter().map(show).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn the_sources_of_an_instruction_are_its_words_but_the_last() {
        for (instruction, expected) in [
            ("COPY a b /c/", "a b"),
            ("COPY . .", "."),
            ("ADD / /x", "."),
            ("COPY ./a/../b/ /../c /x/", "b c"),
            ("copy --chown=1:2 --chmod=u+x --link --exclude=*.md --exclude=d a* /x", "a* -*.md -d"),
            ("COPY [\"a b\", \"c\"]", "a b"),
            ("COPY --from=Build /out /x", "Build: out"),
            ("COPY --from= a /x", "a"),
            ("COPY $DIR/${ALL} \"$DIR\" '$DIR' /x/", "src/*.go src $DIR"),
            ("COPY $NONE a /x/", "unknown"),
            ("COPY a $NONE", "a"),
            ("COPY a", "unknown"),
            ("COPY", "unknown"),
            ("COPY [1, \"a\"]", "unknown"),
            ("COPY --from=$DIR a b", "unknown"),
            ("COPY --new a b", "unknown"),
            ("COPY --exclude=[ a b", "unknown"),
            ("COPY \\[ a", "unknown"),
            ("COPY \"a b\" /x", "unknown"),
            ("COPY <<E a /x/\ntext\nE", "a"),
            ("COPY <<E /x\ntext\nE", ""),
            ("ADD --checksum=sha256:0 --keep-git-dir=true --unpack a /x", "a"),
            ("ADD https://x/y http://x/y.git#b git://x/y ssh://x/y git@x.y:z/w.git?ref=a a /x/", "a"),
            ("ADD ftp://x github.com/x/y @x:y a@b /x/", "ftp:/x github.com/x/y @x:y a@b"),
            ("ADD --from=x a b", "unknown"),
            ("COPY --parents a/./b/*.go ./c//d /x/", "a/b/*.go c/d"),
            ("COPY --parents . /x", "unknown"),
            ("RUN make", ""),
            ("RUN --mount=target=/x --mount=type=tmpfs,target=/y make", "."),
            ("RUN --mount=type=bind,source=a/*,target=/x,rw --mount=src=$DIR,from=b make", "a/* | b: src"),
            ("RUN --mount=type=cache,target=/x --mount=type=cache,from=c,target=/y make", "c: ."),
            ("RUN --mount=Type=$KIND,source=a --mount=type=secret,id=$NONE make $NONE", "a"),
            ("RUN --mount=source=$NONE make", "unknown"),
            ("RUN --mount=from=$DIR make", "unknown"),
            ("ONBUILD COPY a b", ""),
            ("ENV A=b", ""),
        ] {
            assert_eq!(shown(instruction), expected, "{instruction}");
        }
    }

    #[test]
    fn what_is_taken_is_what_is_named_and_all_below() {
        for (instruction, named, swept, others) in [
            ("COPY . .", &[][..], &["a", "a/b", ".x"][..], &[][..]),
            ("COPY a b/ /x/", &["a", "b"], &["a/c", "b/c/d"], &["ab", "c/a", "aa/b"]),
            ("COPY *.go /x", &[], &["a.go", ".go", "d.go/x/y"], &["a/b.go", "a.goo"]),
            ("COPY d*/*.go /x", &[], &["d/a.go", "dd/a.go/b"], &["a.go", "d/e/a.go"]),
            ("COPY **/*.go /x", &[], &["d/a.go"], &["a.go", "d/e/a.go"]),
            ("COPY s/d* /x", &[], &["s/d", "s/dd/e/f"], &["s", "s/e", "d"]),
            ("COPY [a-c]? /x", &[], &["b1", "b1/x"], &["d1", "b"]),
            ("COPY a\\*b /x", &[], &["a*b", "acb", "ab/c"], &["abc", "a/b"]),
            ("COPY a\\\\*b /x", &["a\\*b"], &[], &["a*b", "acb"]),
            ("COPY *.go a.go /x", &["a.go"], &["b.go"], &[]),
            ("COPY --exclude=*.md . /x", &[], &["a", "d/b.md"], &["a.md", "c.md/x"]),
            ("COPY --exclude=**/*.md --exclude=!d/k.md . /x", &[], &["a", "d/k.md"], &["a.md", "d/b.md"]),
            ("COPY --exclude=*.md d* a.md e* /x", &["a.md"], &["d/a", "e.md", "d.md", "d/s/b.md"], &["d/b.md"]),
            ("COPY --exclude=/a --exclude=./b/ . /x", &[], &["a"], &["b/c"]),
            ("COPY --parents a/b c/*.go /x", &["a/b"], &["a/b/c", "c/x.go"], &["a", "c/d/x.go", "x.go"]),
            (
                "COPY --parents --exclude=**/t s/./**/*.go /x",
                &[],
                &["s/a.go", "s/t.go", "s/d/e/a.go"],
                &["a.go", "s/t/a.go"],
            ),
            ("RUN --mount=source=a* make", &["a*"], &["a*/b"], &["ab"]),
            ("RUN --mount=target=/x make", &[], &["a", "a/b"], &[]),
            ("COPY <<E /x\nE", &[], &[], &["<<E", "E"]),
        ] {
            let sources = &sources(instruction).unwrap()[0];
            let asked =
                |paths: &[&str]| paths.iter().map(|path| (sources.takes(path), sources.is_sweeping(path))).collect();
            let (named, swept, others): (Vec<_>, Vec<_>, Vec<_>) = (asked(named), asked(swept), asked(others));
            assert!(named.iter().all(|found| *found == (true, false)), "{instruction}: {named:?}");
            assert!(swept.iter().all(|found| *found == (true, true)), "{instruction}: {swept:?}");
            assert!(others.iter().all(|found| *found == (false, false)), "{instruction}: {others:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_instruction_makes_it_panic(
            text in r#"(--|exclude|parents|mount|from|=|,|<<|\*|\?|\[|\]|-|!|/|\.|:|@|\\|"|'|\$|\{|\}|[a-z]|é| ){0,40}"#,
            path in r"(/|\.|[a-z]|é){0,8}",
            is_run in proptest::bool::ANY,
        ) {
            let keyword = if is_run { "RUN" } else { "COPY" }.to_owned();
            let instruction = Instruction { keyword, arguments: text, line: 1 };
            for sources in Dockerfile::default().sources(&instruction, &BTreeMap::new()).into_iter().flatten() {
                proptest::prop_assert!(sources.takes(&path) || !sources.is_sweeping(&path));
            }
        }
    }
}
