//! The text of a Dockerfile as stages and instructions with their lines: enough to say which line wrote a layer
//! or ran a step. Parsing is the `parse-dockerfile` crate's.

/// A parsed Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dockerfile {
    /// The stages in order.
    pub stages: Vec<Stage>,
}

/// One `FROM` and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name after `AS`, lower-cased as BuildKit does.
    pub name: Option<String>,
    /// What stands after `FROM`, arguments not expanded.
    pub from: String,
    /// The line of `FROM`, counted from 1.
    pub line: u32,
    /// The instructions below it.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Upper-case keyword, such as `RUN`.
    pub keyword: String,
    /// What stands after it, continuation lines joined by one space.
    pub arguments: String,
    /// The line of the keyword, counted from 1.
    pub line: u32,
}
