//! What is said of whether a container starts, against containers that are really started.

use std::collections::BTreeMap;
use std::process::Command;

use super::repository;
use super::support::Repository;

/// One image: what is built, and what is to be said of it; nothing of one that starts.
struct Case {
    name: &'static str,
    platform: &'static str,
    target: &'static str,
    dockerfile: &'static str,
    expected: Option<&'static str>,
}

/// The instructions that install the compiler are those of the shop's `pricing`, so that an engine has them already.
const TOOLS: &str = r#"FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libsqlite3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /hello
COPY . .
RUN gcc -static -o static main.c && gcc -o dynamic main.c \
    && gcc -shared -fPIC -Wl,-soname,libown.so.1 -o libown.so.1 own.c \
    && gcc -DOWN -o linked main.c ./libown.so.1 \
    && gcc -DOWN -o origin main.c ./libown.so.1 -Wl,-rpath,'$ORIGIN/lib'
"#;

const MAIN: &str = "int own(void);\nint main(void) {\n#ifdef OWN\n    return own();\n#else\n    return 0;\n#endif\n}\n";

const CASES: [Case; 30] = [
    case("static-on-scratch", "FROM scratch\nCOPY --from=build /hello/static /app\nENTRYPOINT [\"/app\"]", None),
    case(
        "nonroot",
        "FROM scratch\nCOPY --from=build /hello/static /app\nUSER 65532:65532\nENTRYPOINT [\"/app\"]",
        None,
    ),
    case(
        "dynamic-on-debian",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/dynamic /usr/local/bin/app\nCMD [\"app\"]",
        None,
    ),
    case(
        "shell-form",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/dynamic /usr/local/bin/app\nCMD app --now",
        None,
    ),
    case(
        "script",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/good.sh /\nENTRYPOINT [\"/good.sh\"]\nCMD [\"true\"]",
        None,
    ),
    case(
        "script-by-env",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/env.sh /\nWORKDIR /srv\nENTRYPOINT [\"/env.sh\"]",
        None,
    ),
    case(
        "script-of-a-shell",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/bare.sh /\nENTRYPOINT [\"/bin/sh\", \"-c\", \"/bare.sh\"]",
        None,
    ),
    case("goes-on", "FROM debian:bookworm-slim\nCMD nothing-like-it || true", None),
    case("builtin", "FROM debian:bookworm-slim\nCMD ulimit -n 100", None),
    case(
        "groups-of-a-number",
        "FROM debian:bookworm-slim\nRUN groupadd -g 777 tools && useradd -u 1234 -G tools app\nCOPY --from=build --chown=0:777 --chmod=750 /hello/dynamic /app\nUSER 1234\nCMD /app",
        None,
    ),
    case(
        "listed-library",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/libown.so.1 /opt/own/\nRUN ldconfig /opt/own\nCOPY --from=build /hello/linked /app\nENTRYPOINT [\"/app\"]",
        None,
    ),
    case(
        "own-library",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/libown.so.1 /usr/local/lib/\nRUN ldconfig\nCOPY --from=build /hello/linked /app\nENTRYPOINT [\"/app\"]",
        None,
    ),
    case(
        "library-beside",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/libown.so.1 /opt/lib/\nCOPY --from=build /hello/origin /opt/app\nENTRYPOINT [\"/opt/app\"]",
        None,
    ),
    case(
        "dynamic-on-scratch",
        "FROM scratch\nCOPY --from=build /hello/dynamic /app\nENTRYPOINT [\"/app\"]",
        Some("interpreter /lib64/ld-linux-x86-64.so.2 is missing"),
    ),
    case(
        "library-missing",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/linked /app\nENTRYPOINT [\"/app\"]",
        Some("library libown.so.1 is missing, which /app needs"),
    ),
    case(
        "library-not-listed",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/libown.so.1 /usr/local/lib/\nCOPY --from=build /hello/linked /app\nENTRYPOINT [\"/app\"]",
        Some(
            "/app needs libown.so.1, which is in /usr/local/lib, where the loader does not look for it: `RUN ldconfig`",
        ),
    ),
    case(
        "library-not-for-this-user",
        "FROM debian:bookworm-slim\nCOPY --from=build --chmod=600 /hello/libown.so.1 /usr/lib/\nCOPY --from=build /hello/linked /app\nUSER 1000\nENTRYPOINT [\"/app\"]",
        Some("user 1000 may not read /usr/lib/libown.so.1 (mode 0600, owner 0:0), which /app needs"),
    ),
    case(
        "bare-script",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/bare.sh /\nENTRYPOINT [\"/bare.sh\"]",
        Some("/bare.sh is neither a program nor a script"),
    ),
    case(
        "windows-script-by-env",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/windows-env.sh /\nENTRYPOINT [\"/windows-env.sh\"]",
        Some("interpreter sh\\r of script /windows-env.sh is missing: the script has Windows line ends"),
    ),
    case(
        "env-with-options",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/options.sh /\nENTRYPOINT [\"/options.sh\"]",
        Some("`env` takes sh -e in the first line of /options.sh for the name of one program"),
    ),
    case(
        "no-script",
        "FROM debian:bookworm-slim\nENTRYPOINT [\"/bin/sh\", \"/gone.sh\"]",
        Some("/gone.sh is missing, which /bin/sh is told to run"),
    ),
    case(
        "not-executable",
        "FROM scratch\nCOPY --from=build --chmod=644 /hello/static /app\nENTRYPOINT [\"/app\"]",
        Some("/app is not executable (mode 0644)"),
    ),
    case(
        "not-for-this-user",
        "FROM debian:bookworm-slim\nCOPY --from=build --chmod=711 /hello/good.sh /\nUSER 1000\nENTRYPOINT [\"/good.sh\", \"true\"]",
        Some("user 1000 may not read /good.sh (mode 0711, owner 0:0)"),
    ),
    case("no-such-user", "FROM debian:bookworm-slim\nUSER app\nCMD [\"true\"]", Some("user app is not in /etc/passwd")),
    case(
        "windows-script",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/windows.sh /\nENTRYPOINT [\"/windows.sh\"]",
        Some("interpreter /bin/sh\\r of script /windows.sh is missing: the script has Windows line ends"),
    ),
    case(
        "no-interpreter",
        "FROM scratch\nCOPY --from=build /hello/good.sh /\nENTRYPOINT [\"/good.sh\"]",
        Some("interpreter /bin/sh of script /good.sh is missing"),
    ),
    case("no-shell", "FROM scratch\nCOPY --from=build /hello/static /app\nCMD /app", Some("/bin/sh is missing")),
    case(
        "no-command",
        "FROM debian:bookworm-slim\nCOPY --from=build /hello/static /app\nCMD [\"ap\"]",
        Some("ap is in no directory of PATH"),
    ),
    Case {
        platform: "linux/arm64",
        ..case("arm64", "FROM debian:bookworm-slim AS other\nFROM other\nENTRYPOINT [\"/bin/true\"]", None)
    },
    Case {
        platform: "linux/arm64",
        ..case(
            "arm64-on-scratch",
            "FROM debian:bookworm-slim AS other\nFROM scratch\nCOPY --from=other /bin/true /app\nENTRYPOINT [\"/app\"]",
            Some("interpreter /lib/ld-linux-aarch64.so.1 is missing"),
        )
    },
];

const fn case(name: &'static str, dockerfile: &'static str, expected: Option<&'static str>) -> Case {
    Case { name, platform: "linux/amd64", target: name, dockerfile, expected }
}

impl Case {
    fn tag(&self) -> String {
        format!("weighbridge-e2e-starting:{}-{}", self.name, std::process::id())
    }
}

fn images() -> Repository {
    let repository = repository();
    repository.write("images/main.c", MAIN);
    repository.write("images/own.c", "int own(void) { return 0; }\n");
    for (name, text) in [
        ("good.sh", "#!/bin/sh -e\nexec \"$@\"\n"),
        ("env.sh", "#!/usr/bin/env sh\nexit 0\n"),
        ("windows.sh", "#!/bin/sh\r\nexit 0\r\n"),
        ("windows-env.sh", "#!/usr/bin/env sh\r\nexit 0\r\n"),
        ("options.sh", "#!/usr/bin/env sh -e\nexit 0\n"),
        ("bare.sh", "exit 0\n"),
    ] {
        let path = repository.write(&format!("images/{name}"), text);
        assert!(Command::new("chmod").arg("755").arg(path).status().unwrap().success());
    }
    let mut config = "images:\n".to_owned();
    for case in &CASES {
        // The stage that compiles is no part of those for a foreign platform.
        let tools = if case.platform == "linux/amd64" { TOOLS } else { "" };
        repository.write(&format!("images/{}.Dockerfile", case.name), format!("{tools}{}\n", case.dockerfile));
        config += &format!(
            "  {}: {{ context: images, dockerfile: {}.Dockerfile, platforms: [{}], tags: [\"{}\"] }}\n",
            case.target,
            case.name,
            case.platform,
            case.tag()
        );
    }
    repository.write("weighbridge.yml", config);
    repository.commit("images");
    repository
}

/// Starts a container, and says whether its program came to run.
fn starts(case: &Case) -> (bool, String) {
    let mut run = Command::new("docker");
    run.args(["run", "--rm", "--pull=never", "--platform", case.platform, &case.tag()]);
    let output = run.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn containers_start_and_do_not_as_the_report_says() {
    let repository = images();
    repository.weighbridge(&["run", "--load", "--no-rebuild-base"]).expect(0);
    let report = repository.report();
    let cells: BTreeMap<&str, &serde_json::Value> =
        report["cells"].as_array().unwrap().iter().map(|cell| (cell["image"].as_str().unwrap(), cell)).collect();
    for case in &CASES {
        let start = &cells[case.name]["contents"]["start"];
        let (started, said) = starts(case);
        assert_eq!(started, case.expected.is_none(), "{}: {said}", case.name);
        match case.expected {
            None => assert_eq!(
                (&start["verdict"], &start["findings"]),
                (&"starts".into(), &serde_json::Value::Null),
                "{}",
                case.name
            ),
            Some(expected) => {
                assert_eq!(start["verdict"], "will_not_start", "{}: {start}", case.name);
                let message = start["findings"][0]["message"].as_str().unwrap();
                assert!(message.contains(expected), "{}: {message}", case.name);
            }
        }
        let removed = Command::new("docker").args(["image", "rm", "--force", &case.tag()]).output().unwrap();
        assert!(removed.status.success(), "{}", case.name);
    }
}
