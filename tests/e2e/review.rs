//! A change request as a forge has it: a target branch, a topic branch that makes an image bigger, and the trial merge of
//! both, which jobs check out.

use std::path::Path;
use std::time::SystemTime;

use super::growth::noise;
use super::repository;
use super::runner::check_out;
use super::support::Repository;

/// The image. Its step takes a second for each 200 kB, and is unlike that of any other run of any test.
const DOCKERFILE: &str = "FROM debian:bookworm-slim
COPY parts /parts
RUN sleep $(($(wc -c </parts) / 200000)) && cat /parts > /program # SALT
";
/// Where the forge keeps the trial merge of change request 7.
pub(crate) const TRIAL_MERGE: &str = "refs/pull/7/merge";

/// The repository on the forge.
pub(crate) struct Review {
    pub(crate) upstream: Repository,
    /// The commit of the target branch that was merged into.
    pub(crate) base: String,
    /// The newest commit of the topic branch.
    pub(crate) topic: String,
    /// The trial merge.
    pub(crate) merge: String,
}

impl Review {
    /// A topic branch that was left when the target branch was one commit younger than it is now.
    pub(crate) fn new() -> Self {
        let upstream = repository();
        let salt = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let bytes = |count| noise(u64::try_from(salt % (1 << 60)).unwrap() + count, usize::try_from(count).unwrap());
        upstream.write("web/Dockerfile", DOCKERFILE.replace("SALT", &salt.to_string()));
        upstream.write("web/parts", bytes(200_000));
        upstream.write(
            "weighbridge.yml",
            "{ images: { web: { context: web, platforms: [linux/amd64] } }, cache: { backend: none } }\n",
        );
        Self::of(upstream, |topic| drop(topic.write("web/parts", bytes(700_000))))
    }

    /// The same of any repository, whose topic branch makes an image bigger by this.
    pub(crate) fn of(upstream: Repository, grow: impl FnOnce(&Repository)) -> Self {
        upstream.commit("an image");
        upstream.git(&["switch", "--quiet", "--create", "topic"]);
        grow(&upstream);
        let topic = upstream.commit("a bigger image");
        upstream.git(&["switch", "--quiet", "main"]);
        upstream.write("README.md", "words");
        let base = upstream.commit("meanwhile");
        upstream.git(&["switch", "--quiet", "--detach"]);
        upstream.git(&["merge", "--quiet", "--no-ff", "--message", "Merge topic into main", "topic"]);
        let merge = upstream.git(&["rev-parse", "HEAD"]).trim().to_owned();
        upstream.git(&["update-ref", TRIAL_MERGE, &merge]);
        upstream.git(&["switch", "--quiet", "main"]);
        Self { upstream, base, topic, merge }
    }

    /// Checks a reference out as `actions/checkout` does: the newest commits alone, and no branch.
    pub(crate) fn check_out(&self, reference: &str, depth: usize, workspace: &Path) {
        check_out(self.upstream.path(), reference, depth, workspace);
    }
}
