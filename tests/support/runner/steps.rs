//! The steps of a job: scripts are run by the shell that GitHub runs them with, and the actions that carry files between
//! jobs are imitated. Of what logs in or prepares a machine, it is only noted that it was asked for.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::commands::values;
use super::expressions::{Scope, to_text};
use super::workflow::{Leg, Workflow};
use super::{Step, check_out};

/// Files by which the scripts of a step answer, each with the variable that names it. Every step has files of its own.
const FILES: [(&str, &str); 3] =
    [("GITHUB_OUTPUT", "step_output"), ("GITHUB_PATH", "step_path"), ("GITHUB_STEP_SUMMARY", "step_summary")];

type Inputs = BTreeMap<String, String>;

impl Workflow {
    /// Runs one step; whether it succeeded.
    pub(super) fn step(&self, leg: &mut Leg, step: &Value, scope: &mut Scope) -> bool {
        if let Some(script) = step["run"].as_str() {
            return run(leg, step, script, scope);
        }
        let texts = |key: &str| -> Inputs {
            let pairs = step[key].as_object().into_iter().flatten();
            pairs.map(|(name, value)| (name.clone(), scope.text(&to_text(value)).unwrap())).collect()
        };
        let (action, given) = (step["uses"].as_str().unwrap().split('@').next().unwrap(), texts("with"));
        let done = match action {
            "actions/checkout" => self.checkout(leg, given),
            "actions/upload-artifact" => self.upload(leg, given),
            "actions/download-artifact" => self.download(given),
            "docker/login-action" | "docker/setup-qemu-action" => {
                leg.noted.push((action.to_owned(), given));
                Ok(())
            }
            _ => panic!("an action that nobody imitates: {action}"),
        };
        done.map_err(|error| leg.log += &format!("{action}: {error}\n")).is_ok()
    }

    fn checkout(&self, leg: &Leg, mut given: Inputs) -> Result<(), String> {
        assert_eq!(given.remove("persist-credentials").as_deref(), Some("false"), "a token that lies around");
        let depth = given.remove("fetch-depth").map_or(1, |depth| depth.parse().unwrap());
        assert_eq!(given, Inputs::new());
        check_out(&self.upstream.0, &self.upstream.1, depth, &leg.workspace());
        Ok(())
    }

    /// As upload-artifact 7 does: what lies below a directory, or a single file, under a name that is there once.
    fn upload(&self, leg: &Leg, mut given: Inputs) -> Result<(), String> {
        let (name, path) = (given.remove("name").unwrap(), given.remove("path").unwrap());
        let mut is_set = |input: &str| given.remove(input).is_some_and(|value| value == "true");
        let (takes_hidden, overwrites) = (is_set("include-hidden-files"), is_set("overwrite"));
        let may_lack = given.remove("if-no-files-found").as_deref() == Some("ignore");
        given.remove("retention-days");
        assert_eq!(given, Inputs::new());
        if name.is_empty() || name.contains(['"', ':', '<', '>', '|', '*', '?', '\r', '\n', '\\', '/']) {
            return Err(format!("{name:?} is no name of an artifact"));
        }
        let (source, target) = (leg.workspace().join(&path), self.artifacts.path().join(&name));
        let is_hidden = path.split('/').any(|part| part.starts_with('.'));
        let is_empty = |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
        if !source.exists() || is_empty(&source) || (is_hidden && !takes_hidden) {
            return if may_lack { Ok(()) } else { Err(format!("no files at {path}")) };
        }
        if target.exists() && !overwrites {
            return Err(format!("an artifact {name} is there already"));
        }
        let _ = std::fs::remove_dir_all(&target);
        std::fs::create_dir(&target).unwrap();
        copy(&if source.is_dir() { source.join(".") } else { source }, &target);
        Ok(())
    }

    /// As download-artifact 8 does with a pattern: each artifact into a directory of its name, and nothing at all where
    /// there is none.
    fn download(&self, mut given: Inputs) -> Result<(), String> {
        let (pattern, path) = (given.remove("pattern").unwrap(), given.remove("path").unwrap());
        assert_eq!(given, Inputs::new());
        let start = pattern.strip_suffix('*').filter(|start| !start.contains(['*', '?', '[', '{', '!', '(']));
        let start = start.unwrap_or_else(|| panic!("{pattern:?} is more of a pattern than is imitated"));
        for name in self.artifact_names().iter().filter(|name| name.starts_with(start)) {
            let target = Path::new(&path).join(name);
            std::fs::create_dir_all(&target).unwrap();
            copy(&self.artifacts.path().join(name).join("."), &target);
        }
        Ok(())
    }
}

fn copy(source: &Path, target: &Path) {
    assert!(Command::new("cp").arg("-R").arg(source).arg(target).status().unwrap().success());
}

/// Runs a script, and reads what it says to the runner.
fn run(leg: &mut Leg, step: &Value, script: &str, scope: &mut Scope) -> bool {
    // What is put into a script is code; values belong into variables.
    assert!(!script.contains("${{"), "an expression in a script: {script}");
    let temp = leg.runner.path("temp");
    std::fs::write(temp.join("script.sh"), script).unwrap();
    let mut command = leg.runner.program(Path::new("bash"));
    match step["shell"].as_str() {
        None => command.arg("-e"),
        Some("bash") => command.args(["--noprofile", "--norc", "-eo", "pipefail"]),
        Some(shell) => panic!("a shell that nobody imitates: {shell}"),
    };
    command.arg(temp.join("script.sh")).envs(&leg.runner.env);
    for (name, value) in step["env"].as_object().into_iter().flatten() {
        command.env(name, scope.text(&to_text(value)).unwrap());
    }
    for (variable, file) in FILES {
        std::fs::write(temp.join(file), "").unwrap();
        command.env(variable, temp.join(file));
    }
    let done = Step::of(command);
    leg.log += &format!("{}{}", done.stdout, done.stderr);
    let said = |file: &str| std::fs::read_to_string(temp.join(file)).unwrap();
    for folder in said("step_path").lines() {
        let path = leg.runner.env.get("PATH").cloned().unwrap_or_else(|| std::env::var("PATH").unwrap());
        leg.runner.set("PATH", &format!("{folder}:{path}"));
    }
    if let Some(id) = step["id"].as_str() {
        scope.contexts["steps"][id] = json!({ "outputs": values(&said("step_output")).unwrap() });
    }
    done.code == Some(0)
}
