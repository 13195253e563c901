//! Which image of a configuration the inputs are about.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::Inputs;
use crate::config::fault::Faults;
use crate::config::image::Draft;
use crate::error::Exit;

impl Inputs {
    /// The images of a configuration, one of which has what the inputs say instead: the chosen one, or the only one.
    /// A choice that is not configured is left to the selection, or is of something that only the head has.
    ///
    /// # Errors
    /// When it could be any of several; exit code 2.
    pub(in crate::config) fn over_one(
        &self,
        mut drafts: Vec<Draft>,
        chosen: &[String],
        (directory, root): (&Path, &Path),
        faults: &mut Faults,
    ) -> Result<Vec<Draft>> {
        if self.is_empty() || drafts.is_empty() {
            return Ok(drafts);
        }
        let draft = match (chosen, drafts.as_mut_slice()) {
            ([], [only]) => Some(only),
            ([name], several) => several.iter_mut().find(|draft| draft.name == *name),
            _ => return Err(ambiguous(self, &drafts)),
        };
        if let Some(draft) = draft
            && let Some(over) = self.over(draft, directory, root, faults)
        {
            *draft = over;
        }
        Ok(drafts)
    }
}

fn ambiguous(inputs: &Inputs, drafts: &[Draft]) -> anyhow::Error {
    const SHOWN: usize = 3;
    let given: Vec<String> = inputs.values.keys().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let names: Vec<&str> = drafts.iter().map(|draft| draft.name.as_str()).collect();
    let (given, names) = (given.join(", "), names.join(", "));
    anyhow!("inputs such as {given} describe one image; choose one of {names} with the input `image`")
        .context(Exit::usage("read the inputs of the action"))
}
