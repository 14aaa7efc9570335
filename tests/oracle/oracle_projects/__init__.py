"""The projects of the oracle, by area of the contract. A case's ``rule`` names the rules that it checks."""

from oracle_projects import cat, cfg, hook, par, pip, prj, run, ses, srv

PARTS = {
    "prj": prj.PROJECTS,
    "cfg": cfg.PROJECTS,
    "par": par.PROJECTS,
    "cat": cat.PROJECTS,
    "pip": pip.PROJECTS,
    "run": run.PROJECTS,
    "hook": hook.PROJECTS,
    "ses": ses.PROJECTS,
    "srv": srv.PROJECTS,
}
