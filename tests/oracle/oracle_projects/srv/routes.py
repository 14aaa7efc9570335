"""Routes and snapshots (SRV-10 to SRV-15, SRV-40 to SRV-51)."""

from both_engines.cases import Deviation

from oracle_projects.srv.cases import NOT_FOUND, TO_DASHBOARD, ask, no_snapshot

ROUTES = (
    ask("SRV-15", "health", "GET", "/health"),
    ask("SRV-11", "health by post", "POST", "/health"),
    ask("SRV-11", "health by head", "HEAD", "/health"),
    ask("SRV-12", "health with a slash", "GET", "/health/"),
    ask("SRV-11", "the root", "GET", "/", deviation=Deviation(why="SRV-11", ours=TO_DASHBOARD)),
    ask("SRV-11", "an unknown path", "GET", "/nope"),
    ask("SRV-11", "run by get", "GET", "/run"),
    ask("SRV-11", "run by options", "OPTIONS", "/run"),
    ask("SRV-12", "run with a slash", "POST", "/run/", json={}),
    ask("SRV-11", "snapshot by post", "POST", "/snapshot"),
    *(
        ask("SRV-10", f"the page {path}", "GET", path, deviation=Deviation(why="SRV-10", ours=NOT_FOUND))
        for path in ("/redoc", "/docs/oauth2-redirect")
    ),
    ask("SRV-13", "unknown queries", "GET", "/health", query={"foo": "1"}),
)

SNAPSHOTS = (
    ask("SRV-40", "a snapshot", "GET", "/snapshot"),
    ask("SRV-13", "a snapshot with an unknown query", "GET", "/snapshot", query={"foo": "1"}),
    *(
        ask("SRV-49", f"a snapshot with {text!r}", "GET", "/snapshot", query={"params": text})
        for text in (
            "a=5,new.k=1",
            "",
            "x=02,y=1e3,z=true,n=null,e=,q='5',l=[1;2],m={k: 1}",
            "p=a=b=c",
            "a=1,a.b=2",
            " k = v , , w = 1 ",
        )
    ),
    *(
        ask(
            "SRV-50",
            f"a snapshot with {text!r}",
            "GET",
            "/snapshot",
            query={"params": text},
            says=("Invalid 'params' value: '", "Expected comma-separated key=value pairs, "),
        )
        for text in ("abc", "=1", "a=1,2")
    ),
    ask(
        "SRV-51",
        "a snapshot with broken yaml",
        "GET",
        "/snapshot",
        query={"params": "a=[1"},
        deviation=Deviation(why="Q-35", ours=no_snapshot("ValueError", "Invalid 'params' value: 'a=[1'.")),
    ),
)
