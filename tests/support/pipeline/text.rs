//! What GitLab makes of a text: a component with its inputs, and the jobs of a pipeline with what they extend.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

/// Words at the top of a pipeline that are no jobs, as far as they are used here.
const KEYWORDS: [&str; 3] = ["workflow", "stages", "variables"];
/// What no job may be called (<https://docs.gitlab.com/ci/jobs/#job-names>).
const RESERVED: [&str; 13] = [
    "image",
    "services",
    "stages",
    "before_script",
    "after_script",
    "variables",
    "cache",
    "include",
    "true",
    "false",
    "nil",
    "pages:deploy",
    "pages",
];
const JOB_KEYWORDS: [&str; 14] = [
    "extends",
    "stage",
    "image",
    "services",
    "rules",
    "variables",
    "before_script",
    "script",
    "artifacts",
    "needs",
    "tags",
    "trigger",
    "when",
    "parallel",
];
/// A component with its inputs put in.
pub(crate) fn rendered(component: &str, given: &[(&str, &str)]) -> Result<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(component);
    let text = std::fs::read_to_string(path).unwrap();
    let (head, body) = text.split_once("\n---\n").unwrap();
    let head: Value = serde_yaml::from_str(head).unwrap();
    let inputs = head["spec"]["inputs"].as_object().unwrap();
    assert!(given.iter().all(|(name, _)| inputs.contains_key(*name)), "no such input: {given:?}");
    let mut body = body.to_owned();
    for (name, input) in inputs {
        let value = match (given.iter().find(|(other, _)| other == name), &input["default"]) {
            (Some((_, value)), _) => (*value).to_owned(),
            (None, Value::Null) => return Err(format!("{name} is required")),
            (None, Value::String(text)) => text.clone(),
            (None, default) => default.to_string(),
        };
        if let Some(pattern) = input["regex"].as_str()
            && !regex::Regex::new(pattern).unwrap().is_match(&value)
        {
            return Err(format!("{name} does not match {pattern}: {value:?}"));
        }
        body = body.replace(&format!("$[[ inputs.{name} ]]"), &value);
    }
    Ok(body)
}

/// The jobs of a pipeline whose names start with no dot, everything that they extend put in.
///
/// # Errors
/// What GitLab would refuse.
pub(crate) fn jobs(pipeline: &str) -> Result<BTreeMap<String, Value>, String> {
    let document: Map<String, Value> = serde_yaml::from_str(pipeline).map_err(|error| error.to_string())?;
    let mut jobs = BTreeMap::new();
    for (name, job) in &document {
        if KEYWORDS.contains(&name.as_str()) {
            continue;
        }
        if RESERVED.contains(&name.as_str()) || name.is_empty() || name.chars().count() > 255 {
            return Err(format!("{name:?} is no name of a job"));
        }
        let unknown = job.as_object().unwrap().keys().find(|key| !JOB_KEYWORDS.contains(&key.as_str()));
        if let Some(key) = unknown {
            return Err(format!("{name} has an unknown {key}"));
        }
        if !name.starts_with('.') {
            jobs.insert(name.clone(), extended(&document, job)?);
        }
    }
    let stages = stages(pipeline);
    for (name, job) in &jobs {
        let stage = job["stage"].as_str().unwrap_or("test");
        if !stages.iter().any(|other| other == stage) {
            return Err(format!("{name} is in no stage: {stage}"));
        }
        if job["script"].is_null() == job["trigger"].is_null() {
            return Err(format!("{name} has neither script nor trigger, or both"));
        }
        for need in job["needs"].as_array().into_iter().flatten() {
            let is_there = match need {
                Value::String(other) => jobs.contains_key(other),
                need => need["pipeline"].is_string() && need["job"].is_string(),
            };
            if !is_there {
                return Err(format!("{name} needs {need}, which is not there"));
            }
        }
        let many = job["needs"].as_array().map_or(0, Vec::len);
        if many > 50 || job["parallel"]["matrix"].as_array().map_or(0, Vec::len) > 200 {
            return Err(format!("{name} is too much for GitLab"));
        }
    }
    Ok(jobs)
}

/// The stages in their order, which has defaults.
pub(super) fn stages(pipeline: &str) -> Vec<String> {
    let document: Value = serde_yaml::from_str(pipeline).unwrap();
    match document["stages"].as_array() {
        Some(stages) => stages.iter().map(|stage| stage.as_str().unwrap().to_owned()).collect(),
        None => ["build", "test", "deploy"].map(str::to_owned).to_vec(),
    }
}

/// A job over what it extends: maps are merged, everything else is replaced.
fn extended(document: &Map<String, Value>, job: &Value) -> Result<Value, String> {
    let Some(base) = job["extends"].as_str() else { return Ok(job.clone()) };
    let base = document.get(base).ok_or_else(|| format!("nothing is called {base}, which is extended"))?;
    let mut whole = extended(document, base)?;
    merge(&mut whole, job);
    Ok(whole)
}

fn merge(into: &mut Value, over: &Value) {
    match (into, over) {
        (Value::Object(into), Value::Object(over)) => {
            for (key, value) in over {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, over) => *into = over.clone(),
    }
}

#[test]
fn what_gitlab_would_refuse_is_refused() {
    let base = "stages: [one]\n.base: { stage: one, script: [a], variables: { A: '1', B: '1' } }\n";
    for (text, fault) in [
        ("a: { extends: .bare }", "nothing is called .bare"),
        ("a: { extends: .base, needs: [b] }", "needs \"b\", which is not there"),
        ("a: { extends: .base, needs: [{ pipeline: '7' }] }", "which is not there"),
        ("a: { extends: .base, stage: two }", "is in no stage: two"),
        ("a: { stage: one }", "neither script nor trigger"),
        ("a: { extends: .base, trigger: { include: x } }", "or both"),
        ("a: { extends: .base, skript: [b] }", "an unknown skript"),
        ("image: { extends: .base }", "no name of a job"),
        ("a: { extends: .base }\na: { extends: .base }", "duplicate"),
        ("a: [", ""),
    ] {
        let refused = jobs(&format!("{base}{text}\n")).unwrap_err();
        assert!(refused.contains(fault), "{text}: {refused}");
    }
    let job = jobs(&format!("{base}a: {{ extends: .base, script: [b, c], variables: {{ A: '2' }} }}\n")).unwrap();
    assert_eq!(job["a"]["variables"], serde_json::json!({ "A": "2", "B": "1" }));
    assert_eq!(job["a"]["script"], serde_json::json!(["b", "c"]));
    assert_eq!(job.len(), 1);
}
