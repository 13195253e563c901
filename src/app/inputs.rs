//! The inputs of the action as options of `weighbridge run`, beside those that describe an image ([`Inputs`]). The runner
//! hands them over as variables, hyphens and all (actions/runner: `Handler.cs`, `AddInputsToEnvironment`).

use std::ffi::OsString;

use anyhow::{Result, anyhow};

use crate::config::{Inputs, boolean};
use crate::env::Env;
use crate::error::Exit;
use crate::escape;
use crate::publish::terminal;

/// Inputs that are the options of the same name.
const OPTIONS: [&str; 6] = ["config", "base", "baseline", "builder", "comment", "report-name"];
/// Inputs that are switches: what `true` and what `false` stand for.
const SWITCHES: [(&str, &str, Option<&str>); 3] =
    [("push", "--push", None), ("load", "--load", None), ("rebuild-base", "--rebuild-base", Some("--no-rebuild-base"))];

/// The environment with the inputs at their places: options on the command line before those that stand there already,
/// the working directory, and the values of secrets as variables, which builds are given. Outside of an action, and for
/// other commands, nothing changes.
///
/// # Errors
/// When an input has no meaning here; exit code 2.
pub(super) fn applied(env: &Env) -> Result<Env> {
    let Some((program, [command, rest @ ..])) = env.args.split_first() else { return Ok(env.clone()) };
    if command != "run" || env.get("GITHUB_ACTIONS").is_none() {
        return Ok(env.clone());
    }
    let options = options(env).map_err(|error| error.context(Exit::usage("read the inputs of the action")))?;
    let args = [program, command].into_iter().cloned().chain(options.into_iter().map(OsString::from));
    let directory = input(env, "working-directory").map_or_else(|| env.directory.clone(), |at| env.directory.join(at));
    let mut applied = Env { args: args.chain(rest.iter().cloned()).collect(), directory, ..env.clone() };
    let inputs = Inputs::read(&applied);
    applied.variables.extend(inputs.variables().map(|(name, value)| (name.to_owned(), value.to_owned())));
    for what in inputs.left_out() {
        terminal::say(&format!("warning: left out: {}", escape::block(what)));
    }
    Ok(applied)
}

fn options(env: &Env) -> Result<Vec<String>> {
    // One word each, so that no value can pass for an option.
    let mut options: Vec<String> =
        OPTIONS.iter().filter_map(|name| input(env, name).map(|value| format!("--{name}={value}"))).collect();
    let images = input(env, "image").unwrap_or_default().split(|c: char| c == ',' || c.is_whitespace());
    options.extend(images.filter(|image| !image.is_empty()).map(|image| format!("--image={image}")));
    for (name, on, off) in SWITCHES {
        let Some(value) = input(env, name) else { continue };
        match boolean(value) {
            Some(true) => options.push(on.to_owned()),
            Some(false) => options.extend(off.map(str::to_owned)),
            None => return Err(anyhow!("input `{name}` is {value:?}; expected true or false")),
        }
    }
    Ok(options)
}

fn input<'e>(env: &'e Env, name: &str) -> Option<&'e str> {
    env.get(&format!("INPUT_{}", name.to_uppercase())).map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use super::*;

    fn env(arguments: &[&str], inputs: &[(&str, &str)]) -> Env {
        let input = |(name, value): &(&str, &str)| (format!("INPUT_{}", name.to_uppercase()), (*value).to_owned());
        let mut variables: BTreeMap<String, String> = inputs.iter().map(input).collect();
        variables.insert("GITHUB_ACTIONS".to_owned(), "true".to_owned());
        let args = std::iter::once(&"weighbridge").chain(arguments).map(OsString::from).collect();
        Env { args, variables, directory: PathBuf::from("/w"), ..Env::default() }
    }

    fn line(env: &Env) -> String {
        applied(env).unwrap().args.join(&OsString::from(" ")).into_string().unwrap()
    }

    #[test]
    fn inputs_become_options_before_those_that_stand_there() {
        for (inputs, expected) in [
            (&[][..], "weighbridge run -v"),
            (&[("config", " w.yml "), ("comment", "")], "weighbridge run --config=w.yml -v"),
            (&[("image", "a, b\nc\n")], "weighbridge run --image=a --image=b --image=c -v"),
            (&[("push", "TRUE"), ("load", "false")], "weighbridge run --push -v"),
            (&[("rebuild-base", "false"), ("tags", "acme/shop")], "weighbridge run --no-rebuild-base -v"),
            (&[("base", "--help"), ("github-token", "x")], "weighbridge run --base=--help -v"),
        ] {
            assert_eq!(line(&env(&["run", "-v"], inputs)), expected);
        }
        assert_eq!(line(&env(&["plan"], &[("push", "true")])), "weighbridge plan");
        let mut elsewhere = env(&["run"], &[("push", "true")]);
        elsewhere.variables.remove("GITHUB_ACTIONS");
        assert_eq!(line(&elsewhere), "weighbridge run");
    }

    #[test]
    fn a_secret_becomes_a_variable_and_no_argument() {
        let applied = applied(&env(&["run"], &[("secrets", "TOKEN=hunter2")])).unwrap();
        assert_eq!(applied.get("WEIGHBRIDGE_SECRET_1"), Some("hunter2"));
        assert_eq!(applied.args, ["weighbridge", "run"]);
    }

    #[test]
    fn the_working_directory_is_below_the_workspace() {
        assert_eq!(applied(&env(&["run"], &[("working-directory", "a")])).unwrap().directory, Path::new("/w/a"));
        assert_eq!(applied(&env(&["run"], &[])).unwrap().directory, Path::new("/w"));
    }

    #[test]
    fn what_has_no_meaning_is_an_error_that_names_the_input() {
        for (name, value, text) in [
            ("push", "yes", "input `push` is \"yes\"; expected true or false"),
            ("load", "1", "input `load` is \"1\"; expected true or false"),
        ] {
            let error = applied(&env(&["run"], &[(name, value)])).unwrap_err();
            assert!(format!("{error:#}").contains(text), "{error:#}");
            assert_eq!(crate::error::exit_code(&error), crate::error::USAGE);
        }
    }

    #[test]
    fn every_input_of_the_action_is_read() {
        let action: serde_json::Value = serde_yaml::from_str(include_str!("../../action.yml")).unwrap();
        let elsewhere = ["args", "download-url", "github-token", "image", "working-directory"];
        let known = OPTIONS.iter().chain(SWITCHES.iter().map(|(name, ..)| name)).chain(&elsewhere);
        let mut known: Vec<String> = known.copied().chain(Inputs::names()).map(str::to_owned).collect();
        known.sort();
        let inputs = action["inputs"].as_object().unwrap();
        let mut declared: Vec<String> = inputs.keys().cloned().collect();
        declared.sort();
        assert_eq!(known, declared);
    }
}
