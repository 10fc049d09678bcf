//! Sweeps on a cluster: a single-machine Slurm, as packaged by Debian and Ubuntu, started by the test itself.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use test_support::skip::skip;
use test_support::waiting::{comes_true, end_of};
use trainer::study::sweep::results::TrialStatus;

use crate::sweep::{arguments, folder, place, process};

/// A cluster of only this machine, with its own name, ports, key and folders.
struct Cluster {
    folder: TempDir,
    daemons: Vec<Child>,
}

impl Cluster {
    /// Starts the cluster; `None` after reporting that the test is skipped.
    fn start() -> Option<Self> {
        let programs: Option<Vec<PathBuf>> = ["munged", "slurmctld", "slurmd", "sbatch"].into_iter().map(find).collect();
        let Some(programs) = programs else {
            skip("Slurm", "it is not installed; `cargo xtask setup` installs it on Debian and Ubuntu");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::write(place("munge.key"), "a key for a cluster that lives as long as one test".repeat(4)).unwrap();
        owner_only(&place("munge.key"));
        ["state", "spool"].iter().for_each(|name| fs::create_dir(place(name)).unwrap());
        let host = output("hostname", &["-s"]);
        let user = output("id", &["-un"]);
        fs::write(place("slurm.conf"), configuration(folder.path(), &host, &user)).unwrap();
        // The first attempt of the second task dies before it does anything, as on a failing node.
        let prolog = format!(
            "#!/bin/sh\nif [ \"$SLURM_ARRAY_TASK_ID\" = 1 ] && mkdir '{}' 2>&-; then kill -9 $PPID; fi\n",
            place("failed-once").display()
        );
        fs::write(place("prolog.sh"), prolog).unwrap();
        executable(&place("prolog.sh"));

        let mut cluster = Self { folder, daemons: Vec::new() };
        let socket = cluster.path("munge.socket");
        let option = |name: &str, file: &str| format!("--{name}={}", cluster.path(file).display());
        let munge = [
            "-F".to_owned(),
            "--force".to_owned(),
            option("key-file", "munge.key"),
            option("socket", "munge.socket"),
            option("pid-file", "munged.pid"),
            option("log-file", "munged.log"),
            option("seed-file", "munge.seed"),
        ];
        cluster.daemon(&programs[0], &munge);
        assert!(comes_true(|| socket.exists()), "munged does not start:\n{}", cluster.logs());
        cluster.daemon(&programs[1], &["-D".to_owned()]);
        cluster.daemon(&programs[2], &["-D".to_owned(), "-N".to_owned(), host]);
        let is_ready = comes_true(|| cluster.answer("sinfo", &["--noheader", "--format=%T"]).starts_with("idle"));
        assert!(is_ready, "the cluster is not ready:\n{}", cluster.logs());
        Some(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn daemon(&mut self, program: &Path, arguments: &[String]) {
        let log = File::create(self.path(&format!("{}.txt", program.file_name().unwrap().display()))).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).env("SLURM_CONF", self.path("slurm.conf")).stdin(Stdio::null());
        self.daemons.push(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    }

    /// The output of one of Slurm's commands; empty if the cluster does not answer.
    fn answer(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("SLURM_CONF", self.path("slurm.conf")).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The daemons' logs.
    fn logs(&self) -> String {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log" || extension == "txt"));
        logs.map(|path| format!("{}:\n{}\n", path.display(), String::from_utf8_lossy(&fs::read(&path).unwrap()))).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.answer("scancel", &["--quiet", "--user", &output("id", &["-un"])]);
        // The node first, so that it can still inform the controller; munge last.
        for daemon in self.daemons.iter_mut().rev() {
            let stopped = Command::new("kill").arg(daemon.id().to_string()).status();
            if stopped.is_ok_and(|status| status.success()) {
                end_of(daemon);
            }
        }
    }
}

/// `slurm.conf` for a machine without systemd, control groups and accounting.
fn configuration(folder: &Path, host: &str, user: &str) -> String {
    let folder = folder.display();
    let [controller_port, node_port] = free_ports();
    format!(
        "ClusterName=moodline-test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\n\
         AuthType=auth/munge\nAuthInfo=socket={folder}/munge.socket\nSlurmctldPort={controller_port}\nSlurmdPort={node_port}\n\
         StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool\nSlurmctldPidFile={folder}/slurmctld.pid\n\
         SlurmdPidFile={folder}/slurmd.pid\nSlurmctldLogFile={folder}/slurmctld.log\nSlurmdLogFile={folder}/slurmd.log\n\
         ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nTaskProlog={folder}/prolog.sh\nSelectType=select/cons_tres\n\
         SelectTypeParameters=CR_CPU\nAccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none\n\
         MpiDefault=none\nReturnToService=2\nMailProg=/bin/true\nSlurmdParameters=config_overrides\n\
         NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\nPartitionName=test Nodes={host} Default=YES State=UP\n"
    )
}

/// Two unused ports.
fn free_ports() -> [u16; 2] {
    // Both at once, so that they differ.
    let listeners = [0; 2].map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A program on the path, or where Debian keeps root's programs.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn output(program: &str, arguments: &[&str]) -> String {
    String::from_utf8(Command::new(program).args(arguments).output().unwrap().stdout).unwrap().trim().to_owned()
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

fn owner_only(path: &Path) {
    set_mode(path, 0o600);
}

fn executable(path: &Path) {
    set_mode(path, 0o755);
}

#[test]
fn a_cluster_trains_all_trials_and_those_that_failed_again() {
    let Some(cluster) = Cluster::start() else { return };
    let place = place(
        "strategy = { kind = \"grid\" }\nseeds = [0, 1]\nset = [\"training.epochs=3\", \"training.batch_size=3\"]\n\
         [sweep.axes]\n\"network.units\" = [4, 8]\n",
    );
    // The command run by nodes: this program as the command `trainer`, with its arguments where it looks for them.
    let program = place.path().join("trainer.sh");
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nMOODLINE_TEST_TRAINER=$(printf '%s\\n' \"$@\") exec '{}' --exact sweep::the_command_as_a_process --nocapture\n",
        this.display()
    );
    fs::write(&program, script).unwrap();
    executable(&program);
    let program = program.display().to_string();
    let more =
        ["--executor", "slurm", "--program", &program, "--max-parallel", "2", "--sbatch-args", "--time=60 --comment=sweep"];
    let sweep = || process(&arguments(&place, "sweep", &more)).env("SLURM_CONF", cluster.path("slurm.conf")).output().unwrap();

    let first = sweep();
    let told = String::from_utf8_lossy(&first.stderr).into_owned();
    let failure = || format!("{told}\n{}", cluster.logs());
    assert!(first.status.success(), "{}", failure());
    assert!(cluster.path("failed-once").is_dir(), "the second task was killed once:\n{}", failure());
    assert!(told.contains("submitted 4 trials as job") && told.contains("submitted 1 trials as job"), "{}", failure());
    let results = folder(&place, "sweep").results().unwrap();
    let trials: Vec<_> = results.configurations.iter().flat_map(|of| &of.trials).collect();
    assert!(results.complete && trials.len() == 4 && trials.iter().all(|trial| trial.status == TrialStatus::Finished));
    assert!(results.chosen.as_ref().unwrap().test.is_some());

    // The same trials on this machine's cores give the same results.
    let local = process(&arguments(&place, "local", &[])).output().unwrap();
    assert!(local.status.success(), "{}", String::from_utf8_lossy(&local.stderr));
    let local = folder(&place, "local").results().unwrap();
    assert_eq!(local.chosen, results.chosen);
    for (a, b) in trials.iter().zip(local.configurations.iter().flat_map(|of| &of.trials)) {
        assert_eq!((&a.id, &a.rungs, a.epochs), (&b.id, &b.rungs, b.epochs));
    }

    let again = sweep();
    assert!(again.status.success());
    assert!(!String::from_utf8_lossy(&again.stderr).contains("submitted"), "a finished sweep submits nothing");
}
