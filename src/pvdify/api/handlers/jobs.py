"""/apps/{app}/jobs."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.reading.runtime_logs import Writer
from pvdify.web.answers import json_answer
from pvdify.wire import answers

MOST_LINES = 10**7


async def list_jobs(call: Call) -> Response:
    """List the scheduled jobs of the live release."""
    return json_answer({"jobs": [translate.job(it) for it in await call.engine.jobs.list(call.app)]})


async def run_job(call: Call) -> Response:
    """Start a run of a job."""
    run = await call.engine.jobs.run(call.app, _job(call), call.actor)
    return json_answer(translate.job_run(run), 202)


async def pause_job(call: Call) -> Response:
    """Pause a job: its due times are skipped until it is resumed."""
    await call.engine.jobs.pause(call.app, _job(call), call.actor)
    return Response(status_code=204)


async def resume_job(call: Call) -> Response:
    """Resume a paused job."""
    await call.engine.jobs.resume(call.app, _job(call), call.actor)
    return Response(status_code=204)


async def list_runs(call: Call) -> Response:
    """List the runs of jobs, newest first; of one job if it is named."""
    name = call.request.query_params.get("job") or None
    runs = await call.engine.jobs.history(call.app, name, call.number("limit", 20, most=1000) or 20)
    return json_answer({"runs": [translate.job_run(it) for it in runs]})


async def show_output(call: Call) -> Response:
    """Return the log of a run, by default of the newest."""
    jobs = call.engine.jobs
    run = await jobs.find_run(call.app, _job(call), call.number("run", None, most=10**9))
    lines = await jobs.output(run, call.number("skip", 0, least=0, most=MOST_LINES) or 0)
    writer = Writer(process=run.job, number=run.number, release=run.release or 0)
    # read before the lines: what a run that was over then wrote is complete
    return json_answer(
        answers.JobOutput(
            run=translate.job_run(run), is_over=run.state.is_over,
            lines=[translate.log_line(line, writer) for line in lines],
        )
    )  # fmt: skip


def _job(call: Call) -> str:
    return str(call.request.path_params["job"])
