//! What is set where an instruction stands: variables, user, shell and working directory, as `dispatchArg`,
//! `dispatchEnv` and their like in BuildKit's `frontend/dockerfile/dockerfile2llb` set them, and what each was made
//! from.

use std::collections::BTreeMap;

use super::settings::Bearing;
use super::words::{expanded, is_blank, variables, words};
use super::{Dockerfile, Escape, Instruction, Stage};

/// What is set at a place in a Dockerfile.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    escape: Escape,
    build_args: &'a BTreeMap<String, String>,
    settings: Vec<Setting>,
    globals: BTreeMap<String, Variable>,
    pub(super) variables: BTreeMap<String, Variable>,
    /// Positions of the settings that are in force.
    pub(super) from: Option<usize>,
    pub(super) user: Option<usize>,
    pub(super) shell: Option<usize>,
    pub(super) workdir: Option<usize>,
}

/// One setting, and the earlier ones that its text makes use of.
#[derive(Debug)]
struct Setting {
    bearing: Bearing,
    needs: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Variable {
    /// The position of the setting.
    pub(super) setting: usize,
    /// The value; `None` where the text does not say.
    pub(super) value: Option<String>,
}

/// `A=b` in `ARG` and `ENV`.
struct Assignment<'t> {
    text: &'t str,
    name: &'t str,
    value: Option<&'t str>,
}

impl<'a> Scope<'a> {
    /// What is set before an instruction; `None` for one of another Dockerfile.
    pub(super) fn at(
        dockerfile: &Dockerfile,
        instruction: &Instruction,
        build_args: &'a BTreeMap<String, String>,
    ) -> Option<Self> {
        let position = dockerfile.stages.iter().rposition(|stage| stage.line <= instruction.line)?;
        let (stages, _) = dockerfile.chain(position)?;
        stages.last()?.instructions.contains(instruction).then_some(())?;
        let mut scope = Self {
            escape: dockerfile.escape,
            build_args,
            settings: Vec::new(),
            globals: BTreeMap::new(),
            variables: BTreeMap::new(),
            from: None,
            user: None,
            shell: None,
            workdir: None,
        };
        for arg in &dockerfile.global_args {
            scope.declare(arg);
        }
        scope.globals = std::mem::take(&mut scope.variables);
        scope.start(stages.first()?);
        let all = stages.iter().flat_map(|stage| &stage.instructions);
        for earlier in all.take_while(|earlier| earlier.line < instruction.line) {
            scope.apply(earlier);
        }
        Some(scope)
    }

    /// The settings at these positions and all that they were made from, in order.
    pub(super) fn closure(&self, positions: impl IntoIterator<Item = usize>) -> Vec<&Bearing> {
        let mut is_needed = vec![false; self.settings.len()];
        let mut open: Vec<usize> = positions.into_iter().collect();
        while let Some(position) = open.pop() {
            if let (Some(needed @ false), Some(setting)) = (is_needed.get_mut(position), self.settings.get(position)) {
                *needed = true;
                open.extend(&setting.needs);
            }
        }
        let needed = self.settings.iter().zip(is_needed).filter(|(_, is_needed)| *is_needed);
        needed.map(|(setting, _)| &setting.bearing).collect()
    }

    /// The positions of the variables that a word holds.
    pub(super) fn used(&self, word: &str) -> Vec<usize> {
        used(&self.variables, word, self.escape)
    }

    /// Whether a path does not depend on the working directory, whatever its variables hold.
    pub(super) fn is_absolute(&self, path: &str) -> bool {
        self.expand(path)
            .map_or_else(|| path.trim_start_matches(['"', '\'']).starts_with('/'), |path| path.starts_with('/'))
    }

    fn expand(&self, word: &str) -> Option<String> {
        expanded(word, self.escape, |name| self.variables.get(name)?.value.clone())
    }

    /// Adds a setting and returns its position.
    fn add(&mut self, instruction: &Instruction, name: Option<&str>, text: &str, needs: Vec<usize>) -> usize {
        let Instruction { keyword, line, .. } = instruction;
        let bearing = Bearing {
            keyword: keyword.clone(),
            name: name.map(str::to_owned),
            arguments: text.to_owned(),
            line: *line,
        };
        self.settings.push(Setting { bearing, needs });
        self.settings.len() - 1
    }

    fn start(&mut self, stage: &Stage) {
        let flag = stage.platform.iter().map(|platform| format!("--platform={platform} ")).collect::<String>();
        let arguments = flag + &stage.from;
        let needs = used(&self.globals, &arguments, self.escape);
        let from = Instruction { keyword: "FROM".to_owned(), arguments, line: stage.line };
        self.from = Some(self.add(&from, None, &from.arguments, needs));
    }

    fn apply(&mut self, instruction: &Instruction) {
        let path = instruction.arguments.as_str();
        let mut needs = self.used(path);
        match instruction.keyword.as_str() {
            "ARG" => self.declare(instruction),
            "ENV" => self.assign(instruction),
            "USER" => self.user = Some(self.add(instruction, None, path, needs)),
            "SHELL" => self.shell = Some(self.add(instruction, None, path, Vec::new())),
            "WORKDIR" => {
                needs.extend(self.workdir.filter(|_| !self.is_absolute(path)));
                self.workdir = Some(self.add(instruction, None, path, needs));
            }
            _ => {}
        }
    }

    /// `ARG`: what is given from outside, else the default, else the global one, else what there was.
    fn declare(&mut self, instruction: &Instruction) {
        for word in words(&instruction.arguments, self.escape) {
            let Assignment { text, name, value: default } = Assignment::of(&word);
            let (global, old) = (self.globals.get(name), self.variables.get(name));
            let (value, needs) = match default {
                Some(default) => (self.expand(default), self.used(default)),
                None => {
                    let value = global.or(old).and_then(|variable| variable.value.clone());
                    (value, global.into_iter().chain(old).map(|variable| variable.setting).collect())
                }
            };
            let value = self.build_args.get(name).cloned().or(value);
            let setting = self.add(instruction, Some(name), text, needs);
            self.variables.insert(name.to_owned(), Variable { setting, value });
        }
    }

    /// `ENV`, of which all values are expanded before one is set.
    fn assign(&mut self, instruction: &Instruction) {
        let words = words(&instruction.arguments, self.escape);
        let assignments = match words.first() {
            Some(first) if first.contains('=') => words.iter().map(|word| Assignment::of(word)).collect(),
            Some(_) => Vec::from_iter(Assignment::without_mark(&instruction.arguments)),
            None => Vec::new(),
        };
        let values: Vec<_> = assignments
            .iter()
            .map(|assignment| assignment.value.unwrap_or_default())
            .map(|value| (self.expand(value), self.used(value)))
            .collect();
        for (Assignment { text, name, .. }, (value, needs)) in assignments.into_iter().zip(values) {
            let setting = self.add(instruction, Some(name), text, needs);
            self.variables.insert(name.to_owned(), Variable { setting, value });
        }
    }
}

impl<'t> Assignment<'t> {
    fn of(text: &'t str) -> Self {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        Self { text, name, value }
    }

    /// The old form of `ENV`, with one variable and a value that holds blanks.
    fn without_mark(text: &'t str) -> Option<Self> {
        let (name, value) = text.split_once(is_blank)?;
        Some(Self { text, name, value: Some(value.trim_start_matches(is_blank)) })
    }
}

fn used(scope: &BTreeMap<String, Variable>, word: &str, escape: Escape) -> Vec<usize> {
    variables(word, escape).iter().filter_map(|name| scope.get(name)).map(|variable| variable.setting).collect()
}
