"""Jobs: the queue's own tables and functions, in a schema of their own

Revision ID: 0002
Revises: 0001
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA jobs")
    op.execute("SET LOCAL search_path = jobs")
    # The statements come with the pinned version of the queue; the driver must not take their `%` for parameters.
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    # Rows come and go quickly: without this the planner works with stale figures.
    op.execute("ALTER TABLE procrastinate_jobs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)")
    op.execute("SET LOCAL search_path = public, jobs")


def downgrade() -> None:
    op.execute("DROP SCHEMA jobs CASCADE")
