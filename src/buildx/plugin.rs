//! The program behind `docker buildx`. For every call docker asks it who it is and then starts it, so that going through
//! docker costs a tenth of a second, half of what a small warm build takes. It is the same program with the same
//! arguments and configuration either way, as buildx also stands alone (docker/cli, `cli-plugins/plugin/plugin.go`).

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::env::Env;
use crate::fs;
use crate::process::Invocation;

const NAME: &str = "docker-buildx";
/// Where docker looks after the user's own folder (docker/cli, `cli-plugins/manager/manager_unix.go`).
const SYSTEM_FOLDERS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];
const CONFIG_LIMIT_BYTES: u64 = 1 << 20;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    cli_plugins_extra_dirs: Vec<IgnoredAny>,
}

/// The plugin that docker would start; `None` where that is not certain.
pub(super) fn find(env: &Env) -> Option<PathBuf> {
    find_in(env, &SYSTEM_FOLDERS.map(Path::new))
}

fn find_in(env: &Env, system_folders: &[&Path]) -> Option<PathBuf> {
    is_docker_itself(env).then_some(())?;
    let home = || Some(PathBuf::from(env.get("HOME")?).join(".docker"));
    let config = env.get("DOCKER_CONFIG").map(PathBuf::from).or_else(home)?;
    looks_nowhere_else(&config.join("config.json")).then_some(())?;
    let own = config.join("cli-plugins");
    let folders = std::iter::once(own.as_path()).chain(system_folders.iter().copied());
    folders.map(|folder| folder.join(NAME)).find(|plugin| fs::is_file(plugin))
}

/// Whether `docker` is docker. A script in its place may do anything, and a program of many names keeps its plugins
/// elsewhere.
fn is_docker_itself(env: &Env) -> bool {
    let folders = env.get("PATH").unwrap_or_default().split(':').map(Path::new);
    let found = folders.map(|folder| folder.join("docker")).find(|program| fs::is_file(program));
    let Some(program) = found.and_then(|program| fs::canonical(&program)) else { return false };
    let mut start = [0; 2];
    let is_read = fs::open(&program).is_ok_and(|mut file| file.read_exact(&mut start).is_ok());
    is_read && start != *b"#!" && program.file_name().is_some_and(|name| name == "docker")
}

fn looks_nowhere_else(config: &Path) -> bool {
    let Ok(content) = fs::read_limited(config, CONFIG_LIMIT_BYTES) else { return !fs::is_file(config) };
    serde_json::from_slice(&content).is_ok_and(|config: Config| config.cli_plugins_extra_dirs.is_empty())
}

/// What is started for a call of docker: the plugin for `docker buildx`, where it is known.
pub(super) fn direct(call: &Invocation, plugin: Option<&Path>) -> Invocation {
    match (plugin, call.args.split_first()) {
        (Some(plugin), Some((first, rest))) if call.program == Path::new("docker") && first == "buildx" => {
            Invocation { program: plugin.to_owned(), args: rest.to_vec(), ..call.clone() }
        }
        _ => call.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with this docker, configuration and plugins.
    fn find_on(docker: Option<(&str, &str)>, config: Option<&str>, plugins: &[&str]) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let write = |path: &str, content: &str| fs::write_atomic(&root.join(path), content.as_bytes()).unwrap();
        if let Some((name, content)) = docker {
            write(name, content);
            fs::create_dir_all(&root.join("bin")).unwrap();
            std::os::unix::fs::symlink(root.join(name), root.join("bin/docker")).unwrap();
        }
        if let Some(config) = config {
            write("home/.docker/config.json", config);
        }
        plugins.iter().for_each(|plugin| write(plugin, ""));
        let path = |path: &str| root.join(path).display().to_string();
        let variables = [("PATH", format!("/nonexistent:{}", path("bin"))), ("HOME", path("home"))];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        let env = Env { variables, ..Env::default() };
        let found = find_in(&env, &[&root.join("system")])?;
        Some(found.strip_prefix(root).unwrap().display().to_string())
    }

    #[test]
    fn the_plugin_is_that_which_docker_would_start() {
        let (own, system) = ("home/.docker/cli-plugins/docker-buildx", "system/docker-buildx");
        let docker = Some(("opt/docker", "\x7fELF"));
        for (situation, docker, config, plugins, expected) in [
            ("the user's own goes first", docker, None, &[system, own][..], Some(own)),
            ("the system's", docker, Some(r#"{"auths": {}}"#), &[system], Some(system)),
            ("none", docker, None, &[], None),
            ("no docker", None, None, &[system], None),
            ("a script that is called docker", Some(("opt/docker", "#!/bin/sh")), None, &[system], None),
            ("a program of many names", Some(("opt/snap", "\x7fELF")), None, &[system], None),
            ("further folders", docker, Some(r#"{"cliPluginsExtraDirs": ["/x"]}"#), &[system], None),
            ("no folder more", docker, Some(r#"{"cliPluginsExtraDirs": []}"#), &[system], Some(system)),
            ("a configuration that cannot be read", docker, Some("{"), &[system], None),
        ] {
            assert_eq!(find_on(docker, config, plugins).as_deref(), expected, "{situation}");
        }
    }

    #[test]
    fn only_calls_of_the_plugin_go_there() {
        let plugin = Some(Path::new("/p/docker-buildx"));
        for (plugin, args, expected) in [
            (plugin, &["buildx", "build", "--push", "."][..], "/p/docker-buildx build --push ."),
            (plugin, &["version"], "docker version"),
            (plugin, &[], "docker"),
            (None, &["buildx", "version"], "docker buildx version"),
        ] {
            let call = Invocation::new("docker").args(args).directory("/w");
            let direct = direct(&call, plugin);
            assert_eq!((direct.to_string().as_str(), direct.directory), (expected, call.directory));
        }
    }
}
