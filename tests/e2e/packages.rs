//! Packages of a real image, beside what its own package managers and file system say in a container.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use super::repository;

/// A line `name version bytes` for each package of Debian: the files of its list once each, links left out; and of
/// what Python compiled beside it, which no list names, one line under the name `compiled`.
const SCRIPT: &str = r#"
dpkg-query -W -f='${Package} ${Version} ${binary:Package}\n' | while read -r name version package; do
    bytes=$(dpkg-query -L "$package" | while IFS= read -r file; do
        if [ -f "$file" ] && [ ! -L "$file" ]; then stat -c '%d:%i %s' "$file"; fi
    done | sort -u | awk '{ sum += $2 } END { print sum + 0 }')
    echo "$name $version $bytes"
done
echo compiled - "$(find /usr -name '*.pyc' -type f -exec stat -c %s {} + | awk '{ sum += $1 } END { print sum + 0 }')"
echo bottle - "$(cat /opt/packages/bottle.py /opt/packages/bottle-*.dist-info/* | wc -c)"
echo waitress - "$(find /opt/packages/waitress /opt/packages/waitress-*.dist-info -type f -exec cat {} + | wc -c)"
"#;

#[test]
fn packages_weigh_what_a_container_says() {
    let repository = repository();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/services/recommend");
    let copied = Command::new("cp").args(["-R", example]).arg(repository.path()).status().unwrap();
    assert!(copied.success());
    let tag = format!("weighbridge-e2e-packages:{}", std::process::id());
    let config = format!("images:\n  recommend:\n    context: recommend\n    tags: [\"{tag}\"]\n");
    repository.write("weighbridge.yml", config);
    repository.commit("recommend");
    repository.weighbridge(&["run", "--load"]).expect(0);

    let run = ["run", "--rm", "--user", "0", "--entrypoint", "sh", &tag, "-c", SCRIPT];
    let output = Command::new("docker").args(run).output().unwrap();
    let _ = Command::new("docker").args(["image", "rm", &tag]).output();
    let output = String::from_utf8(output.stdout).unwrap();
    let mut expected: BTreeMap<&str, (&str, u64)> = BTreeMap::new();
    for line in output.lines() {
        let [name, version, bytes] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        expected.insert(name, (version, bytes.parse().unwrap()));
    }
    let (_, compiled) = expected.remove("compiled").unwrap();
    assert!(expected.len() > 80 && expected.contains_key("python3"), "{output}");

    let report = repository.report();
    let packages = report["cells"][0]["contents"]["packages"].as_array().unwrap();
    assert_eq!(packages.len(), expected.len(), "{packages:#?}");
    let mut compiled_told = 0;
    for package in packages {
        let text = |field: &str| package[field].as_str().unwrap();
        let (version, bytes) = expected[text("name")];
        let is_debian = text("kind") == "deb";
        assert!(is_debian && text("version") == version || text("kind") == "python", "{package:#}");
        let told = package["bytes"].as_u64().unwrap();
        assert!(told >= bytes, "{package:#}: {bytes}");
        compiled_told += told - bytes;
        let is_compiled = text("name").contains("python3") || text("kind") == "python";
        assert!(told == bytes || is_compiled, "{package:#}: {bytes}");
    }
    assert!(compiled_told <= compiled, "{compiled_told} of {compiled} bytes");
    let of = |name: &str| packages.iter().find(|package| package["name"] == name).unwrap_or(&Value::Null);
    assert_eq!(of("bottle")["version"], "0.13.4");
    assert!(of("libpython3.11-stdlib")["layer"].as_u64() > of("bash")["layer"].as_u64(), "{packages:#?}");
}
