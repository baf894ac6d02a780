"""Quotes are kept as text that nobody takes apart, jobs without a history or notices, and messages leave a few at a time

Revision ID: 0009
Revises: 0008
"""

from alembic import op
from sqlalchemy.dialects import postgresql
import sqlalchemy as sa

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DOCUMENTS = ("request", "lines", "options")
# What the queue would write for every step of every job, and whom it would wake up: three rows and two notices a job. A job that
# is done is deleted with all of it, and notices make transactions commit one by one (PostgreSQL, async.c). The worker looks by itself.
TRIGGERS = (
    "procrastinate_jobs_notify_queue_job_inserted_v1",
    "procrastinate_trigger_status_events_update_v1",
    "procrastinate_trigger_status_events_insert_v1",
    "procrastinate_trigger_scheduled_events_v1",
)


def upgrade() -> None:
    for column in DOCUMENTS:
        op.alter_column("quote", column, type_=sa.JSON(), postgresql_using=f"{column}::json")
    for trigger in TRIGGERS:
        op.execute(f"ALTER TABLE jobs.procrastinate_jobs DISABLE TRIGGER {trigger}")
    op.execute(
        "UPDATE jobs.procrastinate_jobs SET args = jsonb_build_object('messages', jsonb_build_array(args -> 'message')) "
        "WHERE task_name = 'message.send' AND args ? 'message'"
    )


def downgrade() -> None:
    op.execute(
        "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args, scheduled_at) "
        "SELECT queue_name, task_name, jsonb_build_object('message', message), scheduled_at "
        "FROM jobs.procrastinate_jobs, jsonb_array_elements(args -> 'messages') AS message WHERE task_name = 'message.send'"
    )
    op.execute("DELETE FROM jobs.procrastinate_jobs WHERE task_name = 'message.send' AND args ? 'messages'")
    for trigger in TRIGGERS:
        op.execute(f"ALTER TABLE jobs.procrastinate_jobs ENABLE TRIGGER {trigger}")
    for column in DOCUMENTS:
        op.alter_column("quote", column, type_=postgresql.JSONB(), postgresql_using=f"{column}::jsonb")
