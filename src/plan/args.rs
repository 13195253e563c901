//! A cell as the command line of `docker buildx build`. Flags follow the reference documentation of buildx 0.13 and
//! later; the order is fixed, so that the same cell gives the same bytes.

use std::path::Path;

use super::cache::CachePlan;
use super::index::{annotations_of_cells, by_digest};
use super::{Cell, Delivery, redact};
use crate::config::{BuildContext, DockerfileSource, Image, Secret, SecretSource};

/// The arguments after `docker`.
#[must_use]
pub fn arguments(cell: &Cell<'_>, builder: Option<&str>, delivery: &Delivery) -> Vec<String> {
    let mut args = Args(vec!["buildx".to_owned(), "build".to_owned()]);
    args.option("--builder", builder);
    args.flag("--platform", cell.id.platform.to_string());
    // One JSON object per line instead of a drawing: the only output that is meant for programs.
    args.flag("--progress", "rawjson".to_owned());
    args.flag("--metadata-file", path(&cell.files.metadata()));
    args.flag("--file", dockerfile(cell));
    args.image(cell);
    args.cache(&cell.cache);
    args.attestations(cell.image, delivery);
    args.outputs(cell, delivery);
    args.0.push(context(cell.image));
    args.0
}

/// The arguments of a question about a Dockerfile (`--call`). It builds nothing, so there is nothing to write.
#[must_use]
pub fn question(cell: &Cell<'_>, builder: Option<&str>, method: &str) -> Vec<String> {
    let mut args = Args(vec!["buildx".to_owned(), "build".to_owned()]);
    args.option("--builder", builder);
    args.flag("--call", method.to_owned());
    args.flag("--platform", cell.id.platform.to_string());
    // A person reads it.
    args.flag("--progress", "plain".to_owned());
    args.flag("--file", dockerfile(cell));
    args.image(cell);
    args.0.push(context(cell.image));
    args.0
}

fn dockerfile(cell: &Cell<'_>) -> String {
    match (cell.prepared_dockerfile(), &cell.image.dockerfile) {
        (Some(prepared), _) => path(&prepared),
        (None, DockerfileSource::Path(file)) => path(file),
        (None, DockerfileSource::InRemoteContext(file) | DockerfileSource::Inline(file)) => file.clone(),
    }
}

fn context(image: &Image) -> String {
    match &image.context {
        BuildContext::Directory(directory) => path(directory),
        BuildContext::Remote(url) => url.clone(),
    }
}

/// Build arguments that are passed by environment, because their names say that they are secret: name and value.
#[must_use]
pub fn secret_variables(image: &Image) -> Vec<(String, String)> {
    let secret = image.build_args.iter().filter(|(name, _)| redact::names_a_secret(name));
    secret.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
}

struct Args(Vec<String>);

impl Args {
    fn flag(&mut self, name: &str, value: String) {
        // The word after a flag is its value whatever it starts with (spf13/pflag), so nothing can pass for a flag.
        self.0.extend([name.to_owned(), value]);
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.flag(name, value.to_owned());
        }
    }

    fn switch(&mut self, name: &str, on: bool) {
        if on {
            self.0.push(name.to_owned());
        }
    }

    fn list(&mut self, name: &str, values: &[String]) {
        for value in values {
            self.flag(name, value.clone());
        }
    }

    fn image(&mut self, cell: &Cell<'_>) {
        let image = cell.image;
        self.option("--target", image.target.as_deref());
        for (name, value) in &image.build_args {
            self.flag(
                "--build-arg",
                match value {
                    // buildx reads a bare name from its environment, so the value stays off the command line.
                    Some(value) if !redact::names_a_secret(name) => format!("{name}={value}"),
                    _ => name.clone(),
                },
            );
        }
        for (name, value) in &image.build_contexts {
            self.flag("--build-context", format!("{name}={value}"));
        }
        for (name, value) in &image.labels {
            self.flag("--label", format!("{name}={value}"));
        }
        self.names(cell);
        for secret in &image.secrets {
            self.flag("--secret", secret_spec(secret));
        }
        self.list("--ssh", &image.ssh);
        self.switch("--no-cache", image.no_cache);
        self.list("--no-cache-filter", &image.no_cache_filter);
        self.switch("--pull", image.pull);
        self.option("--network", image.network.as_deref());
        self.option("--cgroup-parent", image.cgroup_parent.as_deref());
        self.list("--add-host", &image.add_hosts);
        self.list("--ulimit", &image.ulimits);
        self.option("--shm-size", image.shm_size.map(|bytes| bytes.0.to_string()).as_deref());
        self.list("--allow", &image.allow);
    }

    /// What an image is called and annotated with. Where an index joins it with other platforms, that has the tags.
    fn names(&mut self, cell: &Cell<'_>) {
        if cell.is_joined {
            self.list("--annotation", &annotations_of_cells(cell.image));
        } else {
            self.list("--annotation", &cell.image.annotations);
            self.list("--tag", &cell.image.tags);
        }
    }

    fn cache(&mut self, cache: &CachePlan) {
        for entry in &cache.from {
            self.flag("--cache-from", entry.line.clone());
        }
        for entry in &cache.to {
            self.flag("--cache-to", entry.line.clone());
        }
    }

    /// The layout is what is weighed: manifest and blobs as a registry would hold them. It must come last, because the
    /// last output's answer is what buildx writes into a layout's `index.json`; that is also why pushing and loading are
    /// outputs here and not `--push` and `--load`, which buildx appends.
    fn outputs(&mut self, cell: &Cell<'_>, delivery: &Delivery) {
        let mut wanted = delivered(cell.image, delivery);
        if cell.is_joined {
            wanted.iter_mut().for_each(|spec| *spec = by_digest(spec, cell.image));
        }
        self.list("--output", &wanted);
        let layout = output("oci", &[("dest", &path(&cell.files.layout())), ("tar", "false")]);
        // Blobs are weighed as they are delivered, so the layout is compressed like the image that is pushed.
        let compression = wanted.iter().flat_map(|spec| spec.split(',')).filter(|field| is_compression(field));
        self.flag("--output", std::iter::once(layout.as_str()).chain(compression).collect::<Vec<_>>().join(","));
    }

    /// Attestations are what the user asked for. A build that is only measured gets none, because buildx would add
    /// a provenance by itself and turn the manifest into an index; one that is pushed keeps buildx's default.
    fn attestations(&mut self, image: &Image, delivery: &Delivery) {
        let is_pushed = delivery.push || image.outputs.iter().chain(&delivery.outputs).any(|spec| pushes(spec));
        for (name, wanted) in [("--provenance", &image.provenance), ("--sbom", &image.sbom)] {
            match wanted {
                Some(value) => self.flag(name, value.clone()),
                None if is_pushed => {}
                None => self.flag(name, "false".to_owned()),
            }
        }
    }
}

/// All outputs but the layout.
pub(super) fn delivered(image: &Image, delivery: &Delivery) -> Vec<String> {
    let mut wanted = image.outputs.iter().chain(&delivery.outputs).cloned().collect();
    deliver(&mut wanted, delivery);
    wanted
}

/// Adds what is pushed and loaded, unless an output is there that does it or only has to be told so, with the attributes
/// that it has: compression and the like (`commands/build.go` of buildx, at `exportPush`).
fn deliver(wanted: &mut Vec<String>, delivery: &Delivery) {
    let is_image = |spec: &&mut String| has(spec, "type=image") && !has(spec, "push=true");
    if delivery.push {
        wanted.iter_mut().filter(is_image).for_each(|spec| spec.push_str(",push=true"));
        if !wanted.iter().any(|spec| pushes(spec)) {
            wanted.push("type=registry".to_owned());
        }
    }
    let loads = |spec: &String| has(spec, "type=docker") && !spec.contains("dest=");
    if delivery.load && !wanted.iter().any(loads) {
        wanted.push("type=docker".to_owned());
    }
}

/// Whether an output goes to a registry.
pub(super) fn pushes(spec: &str) -> bool {
    has(spec, "type=registry") || (has(spec, "type=image") && has(spec, "push=true"))
}

pub(super) fn has(spec: &str, field: &str) -> bool {
    spec.split(',').any(|found| found.trim() == field)
}

fn is_compression(field: &str) -> bool {
    ["compression=", "compression-level=", "force-compression="].iter().any(|key| field.starts_with(key))
}

fn secret_spec(secret: &Secret) -> String {
    match &secret.source {
        SecretSource::Variable(name) => csv(&[("id", &secret.id), ("env", name)]),
        SecretSource::File(file) => csv(&[("id", &secret.id), ("src", &path(file))]),
    }
}

fn output(kind: &str, attributes: &[(&str, &str)]) -> String {
    format!("type={kind},{}", csv(attributes))
}

/// Attributes as buildx reads them: one CSV record of `key=value` fields (RFC 4180 quoting).
pub(super) fn csv(fields: &[(&str, &str)]) -> String {
    let field = |(key, value): &(&str, &str)| {
        let field = format!("{key}={value}");
        match field.contains(['"', ',', '\n', '\r']) {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false => field,
        }
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",")
}

/// Paths come from the configuration, which is UTF-8; a working directory that is not shows replacement characters
/// and then fails in buildx with the path in its message.
fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Image;
    use crate::plan::cache;
    use crate::plan::tests::image;
    use crate::plan::{CellFiles, Support};
    use crate::report::CellId;
    use crate::units::Bytes;

    /// The words that are added to those of a plain image.
    fn added(change: impl FnOnce(&mut Image)) -> Vec<String> {
        let mut changed = image("a", &[]);
        change(&mut changed);
        let mut plain = words(&image("a", &[]), &Delivery::default()).into_iter().peekable();
        let all = words(&changed, &Delivery::default()).into_iter();
        all.filter(|word| plain.next_if_eq(word).is_none()).collect()
    }

    fn words(image: &Image, delivery: &Delivery) -> Vec<String> {
        let id = CellId { image: "a".into(), platform: "linux/amd64".parse().unwrap() };
        let files = CellFiles { directory: PathBuf::from("/out/cells/a/linux-amd64") };
        let (config, laptop) = (crate::config::Cache::default(), cache::cases::laptop());
        let cache = cache::decide(&id, image, &config, delivery, &laptop);
        let cell = Cell { id, image, support: Support::Native, files, ignore_pattern: None, is_joined: false, cache };
        arguments(&cell, Some("b"), delivery)
    }

    #[test]
    fn a_plain_image_is_built_for_one_platform_into_a_layout() {
        insta::assert_snapshot!(words(&image("a", &[]), &Delivery::default()).join("\n"), @r"
        buildx
        build
        --builder
        b
        --platform
        linux/amd64
        --progress
        rawjson
        --metadata-file
        /out/cells/a/linux-amd64/metadata.json
        --file
        /src/a/Dockerfile
        --tag
        registry.example/a:1
        --provenance
        false
        --sbom
        false
        --output
        type=oci,dest=/out/cells/a/linux-amd64/layout,tar=false
        /src/a
        ");
    }

    #[test]
    fn every_setting_becomes_its_flag() {
        type Change = fn(&mut Image);
        let rows: [(Change, &[&str]); 22] = [
            (|i| i.target = Some("runtime".into()), &["--target", "runtime"]),
            (|i| i.build_args = [("A".into(), Some("1".into()))].into(), &["--build-arg", "A=1"]),
            (|i| i.build_args = [("A".into(), None)].into(), &["--build-arg", "A"]),
            (|i| i.build_args = [("MY_TOKEN".into(), Some("hunter2".into()))].into(), &["--build-arg", "MY_TOKEN"]),
            (|i| i.build_contexts = [("x".into(), "/y".into())].into(), &["--build-context", "x=/y"]),
            (|i| i.labels = [("a.b".into(), "c d".into())].into(), &["--label", "a.b=c d"]),
            (|i| i.annotations = vec!["index:a=b".into()], &["--annotation", "index:a=b"]),
            (|i| i.tags.push("r/a:2".into()), &["--tag", "r/a:2"]),
            (|i| i.secrets = vec![secret(SecretSource::Variable("T".into()))], &["--secret", "id=s,env=T"]),
            (|i| i.secrets = vec![secret(SecretSource::File("/a,b".into()))], &["--secret", "id=s,\"src=/a,b\""]),
            (|i| i.ssh = vec!["default".into()], &["--ssh", "default"]),
            (|i| i.cache_from = vec!["r/c:1".into()], &["--cache-from", "r/c:1"]),
            (|i| i.cache_to = vec!["type=inline".into()], &["--cache-to", "type=inline"]),
            (|i| i.no_cache = true, &["--no-cache"]),
            (|i| i.no_cache_filter = vec!["build".into()], &["--no-cache-filter", "build"]),
            (|i| i.pull = true, &["--pull"]),
            (|i| i.network = Some("host".into()), &["--network", "host"]),
            (|i| i.cgroup_parent = Some("build.slice".into()), &["--cgroup-parent", "build.slice"]),
            (|i| i.add_hosts = vec!["h:1.2.3.4".into()], &["--add-host", "h:1.2.3.4"]),
            (|i| i.ulimits = vec!["nofile=1024".into()], &["--ulimit", "nofile=1024"]),
            (|i| i.shm_size = Some(Bytes(1024)), &["--shm-size", "1024"]),
            (|i| i.allow = vec!["network.host".into()], &["--allow", "network.host"]),
        ];
        for (change, expected) in rows {
            assert_eq!(added(change), expected);
        }
    }

    #[test]
    fn attestations_are_those_that_were_asked_for() {
        let image = Image { provenance: Some("mode=max".into()), sbom: Some("true".into()), ..image("a", &[]) };
        let line = words(&image, &Delivery::default()).join(" ");
        assert!(line.contains("--provenance mode=max --sbom true"), "{line}");
    }

    #[test]
    fn a_pushed_image_keeps_the_attestations_that_buildx_adds_by_itself() {
        let output = |spec: &str| Delivery { outputs: vec![spec.to_owned()], ..Delivery::default() };
        for (delivery, is_kept) in [
            (Delivery { push: true, ..Delivery::default() }, true),
            (output("type=registry"), true),
            (output("type=image,name=r/a,push=true"), true),
            (output("type=image,name=r/a"), false),
        ] {
            let words = words(&image("a", &[]), &delivery);
            assert_eq!(!words.contains(&"--provenance".to_owned()) && !words.contains(&"--sbom".to_owned()), is_kept);
        }
    }

    #[test]
    fn the_layout_is_the_last_output_and_compressed_like_what_is_pushed() {
        let outputs = vec!["type=registry,compression=zstd,compression-level=9".to_owned()];
        let image = Image { outputs, ..image("a", &[]) };
        let words = words(&image, &Delivery { load: true, ..Delivery::default() });
        let outputs: Vec<&String> = words.iter().skip_while(|word| *word != "--output").skip(1).step_by(2).collect();
        assert_eq!(
            outputs[..3],
            [
                "type=registry,compression=zstd,compression-level=9",
                "type=docker",
                "type=oci,dest=/out/cells/a/linux-amd64/layout,tar=false,compression=zstd,compression-level=9"
            ]
        );
    }

    #[test]
    fn what_is_pushed_or_loaded_already_is_so_once() {
        let both = Delivery { push: true, load: true, ..Delivery::default() };
        for (given, delivered) in [
            (&[][..], "type=registry type=docker"),
            (&["type=registry", "type=docker"], "type=registry type=docker"),
            (&["type=image,compression=zstd"], "type=image,compression=zstd,push=true type=docker"),
            (&["type=image,push=true", "type=tar,dest=a"], "type=image,push=true type=tar,dest=a type=docker"),
            (&["type=docker,dest=a.tar"], "type=docker,dest=a.tar type=registry type=docker"),
        ] {
            let mut wanted = given.iter().map(|spec| (*spec).to_owned()).collect();
            deliver(&mut wanted, &both);
            assert_eq!(wanted.join(" "), delivered);
        }
    }

    #[test]
    fn a_question_writes_nothing() {
        let image = Image { outputs: vec!["type=registry".into()], no_cache: true, ..image("a", &[]) };
        let id = CellId { image: "a".into(), platform: "linux/amd64".parse().unwrap() };
        let files = CellFiles { directory: PathBuf::from("/out") };
        let cache = CachePlan::default();
        let cell =
            Cell { id, image: &image, support: Support::Native, files, ignore_pattern: None, is_joined: false, cache };
        let words = question(&cell, None, "check").join(" ");
        insta::assert_snapshot!(words, @"buildx build --call check --platform linux/amd64 --progress plain --file /src/a/Dockerfile --tag registry.example/a:1 --no-cache /src/a");
    }

    #[test]
    fn a_value_that_looks_like_a_flag_stays_a_value() {
        let words = words(&Image { target: Some("--push".into()), ..image("a", &[]) }, &Delivery::default());
        let position = words.iter().position(|word| word == "--push").unwrap();
        assert_eq!(words[position - 1], "--target");
    }

    #[test]
    fn a_secret_build_argument_travels_by_environment() {
        let build_args = [("MY_TOKEN".into(), Some("hunter2".into())), ("A".into(), Some("1".into()))].into();
        let image = Image { build_args, ..image("a", &[]) };
        assert_eq!(secret_variables(&image), [("MY_TOKEN".to_owned(), "hunter2".to_owned())]);
        assert!(!words(&image, &Delivery::default()).join(" ").contains("hunter2"));
    }

    fn secret(source: SecretSource) -> Secret {
        Secret { id: "s".into(), source }
    }
}
