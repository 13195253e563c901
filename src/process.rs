//! The process door: the only place that starts programs.
//!
//! Every child gets its own process group, so that stopping it also stops what it started, no standard input beyond a few
//! bytes, and none of the inputs of an action: docker, git and helpers of credentials could read secrets in them, and
//! bake files what they like. Both pipes are emptied at the same time: a child that fills one while we read the other would never end.
//! A child may leave a process behind that keeps the pipes open, so after its end they are read for a bounded time only.

mod error;
mod invocation;
mod lines;

use std::future::{Future, pending};
use std::io::{self, Write};
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::env;

pub use error::ProcessError;
pub use invocation::{EnvChange, Invocation};
pub use lines::CUT_MARK;
use lines::LineSplitter;

/// What fits a pipe that nobody reads yet, on every system.
pub const INPUT_LIMIT_BYTES: usize = 4 << 10;
/// The longest line that [`stream`] hands out; BuildKit's log lines reach some megabytes.
pub const LINE_LIMIT_BYTES: usize = 16 << 20;
/// How much of the end of a secondary pipe is kept.
const TAIL_LIMIT_BYTES: usize = 1 << 20;
/// How long an interrupted child may clean up before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long pipes are read after the child's end: what it wrote is there at once, a process left behind may never end.
const PIPE_GRACE: Duration = Duration::from_secs(2);
const CHUNK_BYTES: usize = 64 << 10;

/// What [`output`] allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long the program may run.
    pub timeout: Duration,
    /// How much it may write to standard output.
    pub max_output_bytes: usize,
}

/// What a program wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error, the newest mebibyte kept.
    pub stderr: Vec<u8>,
}

impl Output {
    /// This output if the program succeeded.
    ///
    /// # Errors
    /// [`ProcessError::Failed`] with the end of standard error otherwise.
    pub fn require_success(self, invocation: &Invocation) -> Result<Self, ProcessError> {
        if self.status.success() {
            return Ok(self);
        }
        let stderr_tail = error::tail_text(&self.stderr);
        Err(ProcessError::Failed { command: invocation.to_string(), status: self.status, stderr_tail })
    }
}

/// Who ended a streamed program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself.
    Exited,
    /// It ran too long and was stopped.
    TimedOut,
    /// It was stopped on request.
    Cancelled,
}

/// A streamed program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Who ended it.
    pub ending: Ending,
    /// From just before its start to its end, on a monotonic clock.
    pub wall: Duration,
    /// Its standard output, the newest mebibyte kept.
    pub stdout: Vec<u8>,
}

/// Runs a program to its end and returns what it wrote, whatever its exit code.
///
/// # Errors
/// When the program is missing or cannot be started, runs too long or writes too much; it is then killed with all that
/// it started. See [`Output::require_success`] for exit codes.
pub async fn output(invocation: &Invocation, limits: Limits) -> Result<Output, ProcessError> {
    let (mut group, out, err) = spawn(invocation)?;
    let (mut stdout, mut stderr, mut overflowed) = (Vec::new(), Vec::new(), false);
    let pumps = async {
        let whole = async { read_whole(out, limits.max_output_bytes, &mut stdout, &mut overflowed).await };
        tokio::try_join!(whole, read_tail(err, &mut stderr)).map(|_| ())
    };
    let stop = sleep(limits.timeout).map(|()| Ending::TimedOut);
    let result = supervise(&mut group, pumps, stop, Duration::ZERO).await;
    if overflowed {
        let limit_bytes = limits.max_output_bytes;
        return Err(ProcessError::TooMuchOutput { command: invocation.to_string(), limit_bytes });
    }
    let ended = result.map_err(|source| ProcessError::Io { command: invocation.to_string(), source })?;
    if ended.ending == Ending::TimedOut {
        return Err(ProcessError::TimedOut { command: invocation.to_string(), timeout: limits.timeout });
    }
    Ok(Output { status: ended.status, stdout, stderr })
}

/// Runs a program to its end and writes its standard output to a sink as it comes, however much it is.
///
/// # Errors
/// When the program is missing or cannot be started, or the sink cannot be written; it is then killed with all that it
/// started. On cancellation it is interrupted. See [`Output::require_success`] for exit codes.
pub async fn output_to(
    invocation: &Invocation,
    sink: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<Output, ProcessError> {
    let (mut group, out, err) = spawn(invocation)?;
    let mut stderr = Vec::new();
    let copy = |chunk: &[u8]| sink.write_all(chunk);
    let pumps = async { tokio::try_join!(read_chunks(out, copy), read_tail(err, &mut stderr)).map(|_| ()) };
    let stop = cancel.cancelled().map(|()| Ending::Cancelled);
    let ended = supervise(&mut group, pumps, stop, STOP_GRACE).await;
    let ended = ended.map_err(|source| ProcessError::Io { command: invocation.to_string(), source })?;
    Ok(Output { status: ended.status, stdout: Vec::new(), stderr })
}

/// Runs a program and hands out each line of its standard error as it comes, without the newline and cut at
/// [`LINE_LIMIT_BYTES`] (then ending with [`CUT_MARK`]).
///
/// On cancellation or timeout its process group gets SIGINT, so that it may clean up, and SIGKILL ten seconds later.
///
/// # Errors
/// When the program is missing or cannot be started. How it ended is part of the result.
pub async fn stream(
    invocation: &Invocation,
    on_line: impl FnMut(&[u8]),
    cancel: &CancellationToken,
    timeout: Option<Duration>,
) -> Result<Finished, ProcessError> {
    stream_with_grace(invocation, on_line, cancel, timeout, STOP_GRACE).await
}

async fn stream_with_grace(
    invocation: &Invocation,
    mut on_line: impl FnMut(&[u8]),
    cancel: &CancellationToken,
    timeout: Option<Duration>,
    grace: Duration,
) -> Result<Finished, ProcessError> {
    let started = Instant::now();
    let (mut group, out, err) = spawn(invocation)?;
    let (mut stdout, mut lines) = (Vec::new(), LineSplitter::new(LINE_LIMIT_BYTES));
    let split = |chunk: &[u8]| {
        lines.push(chunk, &mut on_line);
        Ok(())
    };
    let pumps = async { tokio::try_join!(read_tail(out, &mut stdout), read_chunks(err, split)).map(|_| ()) };
    let stop = async {
        tokio::select! {
            () = cancel.cancelled() => Ending::Cancelled,
            () = async { if let Some(limit) = timeout { sleep(limit).await } else { pending().await } } => Ending::TimedOut,
        }
    };
    let ended = supervise(&mut group, pumps, stop, grace)
        .await
        .map_err(|source| ProcessError::Io { command: invocation.to_string(), source })?;
    lines.finish(&mut on_line);
    let wall = ended.at.saturating_duration_since(started);
    Ok(Finished { status: ended.status, ending: ended.ending, wall, stdout })
}

/// A child that leads its own process group; the whole group dies with this value.
struct Group {
    child: Child,
    id: Pid,
    running: bool,
}

impl Group {
    fn signal(&self, signal: Signal) {
        // A group that is already gone is what we wanted.
        let _ = killpg(self.id, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.running {
            self.signal(Signal::SIGKILL);
        }
    }
}

struct Ended {
    status: ExitStatus,
    ending: Ending,
    at: Instant,
}

fn spawn(invocation: &Invocation) -> Result<(Group, ChildStdout, ChildStderr), ProcessError> {
    let mut command = command(invocation);
    if !invocation.input.is_empty() {
        command.stdin(input(&invocation.input).map_err(|source| start_error(invocation, source))?);
    }
    let mut child = command.spawn().map_err(|source| start_error(invocation, source))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    match (id, child.stdout.take(), child.stderr.take()) {
        (Some(id), Some(out), Some(err)) => Ok((Group { child, id, running: true }, out, err)),
        _ => Err(start_error(invocation, io::Error::other("the child has no id or no pipes"))),
    }
}

/// A pipe that holds all of the input already, so that nobody has to write while the child runs.
fn input(content: &[u8]) -> io::Result<Stdio> {
    if content.len() > INPUT_LIMIT_BYTES {
        return Err(io::Error::other("too much for standard input"));
    }
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(content)?;
    Ok(reader.into())
}

fn command(invocation: &Invocation) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the door of processes")]
    let mut command = Command::new(&invocation.program);
    command.args(&invocation.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    if let Some(directory) = &invocation.directory {
        command.current_dir(directory);
    }
    for name in env::INPUT_VARIABLES.iter() {
        command.env_remove(name);
    }
    for (name, change) in &invocation.env {
        match change {
            EnvChange::Set(value) | EnvChange::Secret(value) => command.env(name, value),
            EnvChange::Remove => command.env_remove(name),
        };
    }
    command
}

/// The system says "not found" for a missing working directory too.
fn start_error(invocation: &Invocation, source: io::Error) -> ProcessError {
    let command = invocation.to_string();
    let lost = invocation.directory.as_deref().filter(|directory| !directory.is_dir());
    match (source.kind(), lost) {
        (io::ErrorKind::NotFound, None) => {
            ProcessError::Missing { command, program: invocation.program.display().to_string() }
        }
        (_, Some(directory)) => {
            let message = format!("{} is not a directory: {source}", directory.display());
            ProcessError::Io { command, source: io::Error::new(source.kind(), message) }
        }
        _ => ProcessError::Io { command, source },
    }
}

/// Waits for the child's end while `pumps` empties its pipes, or for `stop`, which ends it.
async fn supervise(
    group: &mut Group,
    pumps: impl Future<Output = io::Result<()>>,
    stop: impl Future<Output = Ending>,
    grace: Duration,
) -> io::Result<Ended> {
    let mut pumps = pin!(pumps.fuse());
    let (status, ending) = tokio::select! {
        biased;
        status = wait_pumping(&mut group.child, &mut pumps) => (status?, Ending::Exited),
        ending = stop => {
            group.signal(Signal::SIGINT);
            // An error of the pipes does not matter any more; the status comes from the wait below.
            let _ = timeout(grace, wait_pumping(&mut group.child, &mut pumps)).await;
            // Also when the child has ended: shells start background jobs that ignore SIGINT.
            group.signal(Signal::SIGKILL);
            (group.child.wait().await?, ending)
        }
    };
    group.running = false;
    let at = Instant::now();
    if !pumps.is_terminated() {
        timeout(PIPE_GRACE, pumps).await.unwrap_or(Ok(()))?;
    }
    Ok(Ended { status, ending, at })
}

async fn wait_pumping(
    child: &mut Child,
    pumps: &mut Pin<&mut Fuse<impl Future<Output = io::Result<()>>>>,
) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            result = &mut *pumps => result?,
        }
    }
}

async fn read_chunks(
    mut pipe: impl AsyncRead + Unpin,
    mut on_chunk: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    while pipe.read_buf(&mut chunk).await? > 0 {
        on_chunk(&chunk)?;
        chunk.clear();
    }
    Ok(())
}

async fn read_whole(
    pipe: impl AsyncRead + Unpin,
    limit_bytes: usize,
    content: &mut Vec<u8>,
    overflowed: &mut bool,
) -> io::Result<()> {
    read_chunks(pipe, |chunk| {
        *overflowed = content.len().saturating_add(chunk.len()) > limit_bytes;
        if *overflowed {
            return Err(io::Error::other("too much output"));
        }
        content.extend_from_slice(chunk);
        Ok(())
    })
    .await
}

async fn read_tail(pipe: impl AsyncRead + Unpin, content: &mut Vec<u8>) -> io::Result<()> {
    read_chunks(pipe, |chunk| {
        content.extend_from_slice(chunk);
        content.drain(..content.len().saturating_sub(TAIL_LIMIT_BYTES));
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests;
