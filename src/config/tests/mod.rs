//! The configuration as a whole, from a directory of files.

mod faults;
mod resolved;

use super::*;

/// Prints the same for all files, or refuses to be asked.
struct Fake(Option<&'static [u8]>);

impl BakePrinter for Fake {
    fn print(&self, _: &[PathBuf], _: &[String], _: &Path) -> Result<Vec<u8>> {
        self.0.map(<[u8]>::to_vec).ok_or_else(|| anyhow::anyhow!("bake is not to be asked"))
    }
}

const NEVER: Fake = Fake(None);

/// A repository with an image that can be built, and more files with their content.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let dockerfile = ("services/orders/Dockerfile", "FROM scratch");
    for (name, content) in files.iter().chain([&dockerfile]) {
        fs::write_atomic(&directory.path().join(name), content.as_bytes()).unwrap();
    }
    directory
}

fn env(directory: &Path, variables: &[(&str, &str)]) -> Env {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Env { directory: directory.to_owned(), variables, ..Env::default() }
}

fn resolved(files: &[(&str, &str)], bake: &Fake) -> Config {
    let directory = repository(files);
    resolve(&Request::default(), &env(directory.path(), &[]), bake).unwrap()
}
