CREATE TABLE projects (
    tenant_id uuid NOT NULL DEFAULT current_setting('app.tenant_id')::uuid,
    id        int GENERATED ALWAYS AS IDENTITY,
    name      text NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE tasks (
    tenant_id  uuid NOT NULL DEFAULT current_setting('app.tenant_id')::uuid,
    id         int GENERATED ALWAYS AS IDENTITY,
    project_id int NOT NULL,
    title      text NOT NULL,
    done       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX tasks_project ON tasks (tenant_id, project_id);
