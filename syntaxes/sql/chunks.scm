[(comment) (marginalia)] @comment

(statement (create_table (object_reference) @name (column_definitions) @body)) @definition.type
(statement (create_table (object_reference) @name)) @definition.type
(statement (create_view (object_reference) @name)) @definition.type
(statement (create_materialized_view (object_reference) @name)) @definition.type
(statement (create_type (object_reference) @name)) @definition.type
(statement (create_function . (_)* (object_reference) @name (function_body) @body)) @definition.function
(statement (create_trigger . (_)* . (keyword_trigger) . (object_reference) @name)) @definition.function
(statement (create_index column: (identifier) @name)) @definition.section
(statement (alter_table . (_)* . (object_reference) @name)) @definition.section
