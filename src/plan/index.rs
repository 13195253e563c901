//! The index that joins the platforms of one image. Each platform is a build of its own, which would take the tags from
//! the one before. So each is pushed under its digest alone, and `docker buildx imagetools create` then puts the tags on
//! an index of all, as Docker's documentation has it for builds on several machines
//! (<https://docs.docker.com/build/ci/github-actions/multi-platform/>).

use std::collections::BTreeMap;

use super::args::{csv, delivered, has, pushes};
use super::{Cell, Delivery};
use crate::config::{Image, csv as fields};
use crate::oci::Platform;

/// The index of an image that is pushed for several platforms.
#[derive(Debug, Clone, PartialEq)]
pub struct Index<'c> {
    /// What it is of.
    pub image: &'c Image,
    /// Its platforms, sorted; one alone only where the tags are left to another process.
    pub platforms: Vec<Platform>,
    /// The tags, whole, by repository.
    pub repositories: BTreeMap<String, Vec<String>>,
}

impl<'c> Index<'c> {
    /// The index, where one is needed: several platforms would be pushed under one name, or by several processes.
    pub(super) fn of(image: &'c Image, platforms: &[Platform], delivery: &Delivery) -> Option<Self> {
        let is_pushed = delivered(image, delivery).iter().any(|spec| pushes_to_names(spec));
        if (platforms.len() < 2 && !delivery.in_parts) || !is_pushed {
            return None;
        }
        let mut repositories = BTreeMap::<String, Vec<String>>::new();
        for name in names(image, delivery) {
            repositories.entry(repository(&name).to_owned()).or_default().push(name);
        }
        (!repositories.is_empty()).then(|| Self { image, platforms: platforms.to_vec(), repositories })
    }

    /// The arguments after `docker` that put the tags of a repository on an index of these digests, which are of the
    /// platforms in order. A trial prints the index and moves no tag.
    #[must_use]
    pub fn create(&self, builder: Option<&str>, repository: &str, digests: &[String], is_trial: bool) -> Vec<String> {
        let mut words = imagetools("create", builder);
        words.extend(is_trial.then(|| "--dry-run".to_owned()));
        let mut flag = |name: &str, value: &String| words.extend([name.to_owned(), value.clone()]);
        self.annotations().iter().for_each(|annotation| flag("--annotation", annotation));
        self.repositories.get(repository).into_iter().flatten().for_each(|tag| flag("--tag", tag));
        words.extend(digests.iter().map(|digest| format!("{repository}@{digest}")));
        words
    }

    /// The annotations that stand in the index. One of descriptors is named for each platform, or attestations would get
    /// it too. No registry has a descriptor of the index itself.
    fn annotations(&self) -> Vec<String> {
        let mut annotations = Vec::new();
        for annotation in &self.image.annotations {
            let Some((kinds, rest)) = split(annotation) else { continue };
            for kind in kinds.filter(|kind| is_of_index(kind)) {
                match kind {
                    "manifest-descriptor" => annotations.extend(
                        self.platforms.iter().map(|platform| format!("manifest-descriptor[{platform}]:{rest}")),
                    ),
                    "index-descriptor" => {}
                    kind => annotations.push(format!("{kind}:{rest}")),
                }
            }
        }
        annotations
    }
}

/// The arguments after `docker` that print what stands behind a name, byte for byte.
#[must_use]
pub fn inspect(builder: Option<&str>, reference: &str) -> Vec<String> {
    [imagetools("inspect", builder), vec!["--raw".to_owned(), reference.to_owned()]].concat()
}

/// The arguments after `docker` that print the configurations of the images behind a name, as JSON.
#[must_use]
pub fn configs(builder: Option<&str>, reference: &str) -> Vec<String> {
    let format = ["--format", "{{json .Image}}"].map(str::to_owned).to_vec();
    [imagetools("inspect", builder), format, vec![reference.to_owned()]].concat()
}

fn imagetools(command: &str, builder: Option<&str>) -> Vec<String> {
    let builder = builder.map(|builder| ["--builder".to_owned(), builder.to_owned()]);
    ["buildx", "imagetools", command].map(str::to_owned).into_iter().chain(builder.into_iter().flatten()).collect()
}

/// An output that pushes to names, turned into one that pushes to the repositories of them.
pub(super) fn by_digest(spec: &str, image: &Image) -> String {
    if !pushes_to_names(spec) {
        return spec.to_owned();
    }
    let mut repositories: Vec<String> =
        names_of(image, &[spec.to_owned()]).iter().map(|name| repository(name).to_owned()).collect();
    repositories.sort();
    repositories.dedup();
    const OURS: [&str; 6] = ["type", "name", "push", "push-by-digest", "name-canonical", "store"];
    let given = fields::split(spec).unwrap_or_default();
    let kept = given.iter().filter_map(|field| field.trim().split_once('=')).filter(|(key, _)| !OURS.contains(key));
    let name = repositories.join(",");
    let ours = [
        ("type", "image"),
        ("name", name.as_str()),
        ("push-by-digest", "true"),
        ("name-canonical", "true"),
        ("push", "true"),
        // A worker with an image store would put every platform under the one name in it, and of two at the same time one
        // fails with "already exists" (`exporter/containerimage/export.go`, where `store` is true unless told).
        ("store", "false"),
    ];
    // An index has annotations only where the images in it have OCI's media types (`util/imagetools/create.go` of buildx).
    let is_annotated = !image.annotations.is_empty() && !spec.contains("oci-mediatypes=");
    let oci = is_annotated.then_some(("oci-mediatypes", "true"));
    csv(&ours.into_iter().chain(kept).chain(oci).collect::<Vec<_>>())
}

/// What an output that pushes says of the image itself, as further fields of one that writes it elsewhere.
pub(super) fn attributes_of_push(spec: &str) -> String {
    const OF_PUSH: [&str; 8] =
        ["type", "name", "push", "push-by-digest", "name-canonical", "registry.insecure", "unpack", "store"];
    let given = fields::split(spec).unwrap_or_default();
    let kept: Vec<(&str, &str)> = given
        .iter()
        .filter_map(|field| field.trim().split_once('='))
        .filter(|(key, _)| !OF_PUSH.contains(key))
        .collect();
    if kept.is_empty() { String::new() } else { format!(",{}", csv(&kept)) }
}

/// Where an image goes that is pushed after its tests: whole tags by repository, none where it goes there under its digest
/// alone.
#[must_use]
pub fn destinations(cell: &Cell<'_>, delivery: &Delivery) -> BTreeMap<String, Vec<String>> {
    let pushing: Vec<String> = delivered(cell.image, delivery).into_iter().filter(|spec| pushes(spec)).collect();
    let by_digest = |spec: &String| has(spec, "push-by-digest=true");
    let mut destinations = BTreeMap::<String, Vec<String>>::new();
    for spec in &pushing {
        let named = if by_digest(spec) { spec.replace("push-by-digest=true", "") } else { spec.clone() };
        for name in names_of(cell.image, &[named]) {
            let tags = destinations.entry(repository(&name).to_owned()).or_default();
            if !cell.is_joined && !by_digest(spec) && !tags.contains(&name) {
                tags.push(name);
            }
        }
    }
    destinations
}

/// The annotations that a build of one platform takes: BuildKit refuses those of an index that it does not write
/// (`exporter/containerimage/writer.go`).
pub(super) fn annotations_of_cells(image: &Image) -> Vec<String> {
    let of_cell = |annotation: &String| {
        let Some((kinds, rest)) = split(annotation) else { return Some(annotation.clone()) };
        let kinds: Vec<&str> = kinds.filter(|kind| !is_of_index(kind)).collect();
        (!kinds.is_empty()).then(|| format!("{}:{rest}", kinds.join(",")))
    };
    image.annotations.iter().filter_map(of_cell).collect()
}

/// `index,manifest:key=value` as its kinds and the rest; nothing of one without kinds, which is of the manifest
/// (`util/buildflags/export.go` of buildx).
fn split(annotation: &str) -> Option<(std::str::Split<'_, char>, String)> {
    let (key, value) = annotation.split_once('=')?;
    let (kinds, key) = key.split_once(':')?;
    Some((kinds.split(','), format!("{key}={value}")))
}

fn is_of_index(kind: &str) -> bool {
    ["index", "index-descriptor", "manifest-descriptor"].contains(&kind.split('[').next().unwrap_or_default())
}

fn pushes_to_names(spec: &str) -> bool {
    pushes(spec) && !has(spec, "push-by-digest=true")
}

/// Under which names an image is pushed.
fn names(image: &Image, delivery: &Delivery) -> Vec<String> {
    names_of(image, &delivered(image, delivery))
}

/// Tags take the place of names in outputs (`build/opt.go` of buildx).
fn names_of(image: &Image, outputs: &[String]) -> Vec<String> {
    if !image.tags.is_empty() {
        return image.tags.clone();
    }
    let fields = outputs.iter().filter(|spec| pushes_to_names(spec)).filter_map(|spec| fields::split(spec)).flatten();
    let names = fields.filter_map(|field| field.trim().strip_prefix("name=").map(str::to_owned));
    names.flat_map(|names| names.split(',').map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A reference without its tag. A colon in the first part is of a port.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::image;

    const PUSH: Delivery = Delivery { push: true, load: false, outputs: Vec::new(), in_parts: false };

    fn both() -> Vec<Platform> {
        ["linux/amd64", "linux/arm64"].map(|platform| platform.parse().unwrap()).to_vec()
    }

    #[test]
    fn the_tag_is_what_comes_after_the_last_colon_of_the_last_part() {
        for (reference, expected) in [
            ("acme/web:1", "acme/web"),
            ("acme/web", "acme/web"),
            ("localhost:5000/web", "localhost:5000/web"),
            ("localhost:5000/web:1", "localhost:5000/web"),
            ("acme/web:1@sha256:abc", "acme/web"),
        ] {
            assert_eq!(repository(reference), expected, "{reference}");
        }
    }

    #[test]
    fn an_index_joins_what_is_pushed_under_names_for_several_platforms() {
        let output = |spec: &str| Delivery { outputs: vec![spec.to_owned()], ..Delivery::default() };
        for (platforms, delivery, is_joined) in [
            (2, PUSH, true),
            (1, PUSH, false),
            (2, Delivery::default(), false),
            (2, Delivery { load: true, ..Delivery::default() }, false),
            (2, output("type=registry,compression=zstd"), true),
            (2, output("type=image,push=true"), true),
            (2, output("type=image"), false),
            (2, output("type=image,push-by-digest=true,push=true"), false),
            (1, Delivery { in_parts: true, ..PUSH }, true),
            (1, Delivery { in_parts: true, ..Delivery::default() }, false),
        ] {
            let image = image("a", &[]);
            let index = Index::of(&image, &both()[..platforms], &delivery);
            assert_eq!(index.is_some(), is_joined, "{platforms} {delivery:?}");
        }
    }

    #[test]
    fn an_output_keeps_its_attributes_when_it_pushes_by_digest() {
        let mut image = image("a", &[]);
        image.tags = ["r.example/b:1", "r.example/a:2", "r.example/a:1"].map(str::to_owned).to_vec();
        let ours = r#"type=image,"name=r.example/a,r.example/b",push-by-digest=true,name-canonical=true,push=true,store=false"#;
        for (spec, expected) in [
            ("type=registry", ours.to_owned()),
            ("type=image,push=true,name=x", ours.to_owned()),
            ("type=registry,compression=zstd,\"a=1,2\"", format!("{ours},compression=zstd,\"a=1,2\"")),
            ("type=local,dest=out", "type=local,dest=out".to_owned()),
        ] {
            assert_eq!(by_digest(spec, &image), expected);
        }
        image.annotations = vec!["index:a=b".into()];
        assert_eq!(by_digest("type=registry", &image), format!("{ours},oci-mediatypes=true"));
        let docker = "type=registry,oci-mediatypes=false";
        assert_eq!(by_digest(docker, &image), format!("{ours},oci-mediatypes=false"));
        image.tags.clear();
        image.annotations.clear();
        let named = by_digest("type=image,\"name=r/a:1,r/a:2\",push=true", &image);
        assert_eq!(named, "type=image,name=r/a,push-by-digest=true,name-canonical=true,push=true,store=false");
        let output =
            Delivery { outputs: vec!["type=image,\"name=r/a:1,s/a:2\",push=true".into()], ..Delivery::default() };
        let index = Index::of(&image, &both(), &output).unwrap();
        assert_eq!(index.repositories.keys().collect::<Vec<_>>(), ["r/a", "s/a"]);
    }

    #[test]
    fn annotations_go_where_they_can_stand() {
        let mut image = image("a", &[]);
        for (annotation, cells, index) in [
            ("a=b", &["a=b"][..], &[][..]),
            ("a=b:c", &["a=b:c"], &[]),
            ("manifest:a=b", &["manifest:a=b"], &[]),
            ("manifest[linux/arm64]:a=b", &["manifest[linux/arm64]:a=b"], &[]),
            ("index:a=b", &[], &["index:a=b"]),
            ("manifest,index:a=b,c", &["manifest:a=b,c"], &["index:a=b,c"]),
            ("index-descriptor:a=b", &[], &[]),
            (
                "manifest-descriptor:a=b",
                &[],
                &["manifest-descriptor[linux/amd64]:a=b", "manifest-descriptor[linux/arm64]:a=b"],
            ),
            ("manifest-descriptor[linux/arm64]:a=b", &[], &["manifest-descriptor[linux/arm64]:a=b"]),
            ("broken", &["broken"], &[]),
        ] {
            image.annotations = vec![annotation.to_owned()];
            assert_eq!(annotations_of_cells(&image), cells, "{annotation}");
            assert_eq!(Index::of(&image, &both(), &PUSH).unwrap().annotations(), index, "{annotation}");
        }
    }

    #[test]
    fn one_command_per_repository_puts_all_of_its_tags() {
        let mut image = image("a", &[]);
        image.tags = ["r/a:1", "s/a:1", "r/a:2"].map(str::to_owned).to_vec();
        image.annotations = vec!["index:a=b".into()];
        let index = Index::of(&image, &both(), &PUSH).unwrap();
        let digests = ["sha256:1".to_owned(), "sha256:2".to_owned()];
        insta::assert_snapshot!(
            index.create(Some("b"), "r/a", &digests, false).join(" "),
            @"buildx imagetools create --builder b --annotation index:a=b --tag r/a:1 --tag r/a:2 r/a@sha256:1 r/a@sha256:2"
        );
        insta::assert_snapshot!(
            index.create(None, "s/a", &digests, true).join(" "),
            @"buildx imagetools create --dry-run --annotation index:a=b --tag s/a:1 s/a@sha256:1 s/a@sha256:2"
        );
        assert_eq!(inspect(None, "r/a:1").join(" "), "buildx imagetools inspect --raw r/a:1");
    }
}
