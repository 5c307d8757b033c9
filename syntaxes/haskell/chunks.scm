[(comment) (haddock)] @comment
(pragma) @attribute

(data_type name: (_) @name) @definition.type
(newtype name: (_) @name) @definition.type
(type_synomym name: (_) @name) @definition.type
(type_family name: (_) @name) @definition.type
(data_family name: (_) @name) @definition.type
(class name: (_) @name) @definition.class
(class name: (_) @name declarations: (_) @body) @definition.class
(instance name: (_) @scope patterns: (_) @name.text) @definition.class
(instance name: (_) @scope patterns: (_) @name.text declarations: (_) @body) @definition.class

; a signature and the clauses after it are one definition
(declarations
  (signature name: [(variable) @name.text (prefix_id (operator) @name.text)]) @definition.function @signature
  (#set! join "clauses"))
(declarations
  (function name: [(variable) @name.text (prefix_id (operator) @name.text)]) @definition.function
  (#set! join "clauses"))
(declarations
  (function (infix operator: (operator) @name.text)) @definition.function
  (#set! join "clauses"))
(declarations
  (bind name: (variable) @name.text) @definition.function
  (#set! join "clauses"))
(class_declarations
  (signature name: [(variable) @name.text (prefix_id (operator) @name.text)]) @definition.method @signature
  (#set! join "clauses"))
(class_declarations
  (function name: (variable) @name.text) @definition.method
  (#set! join "clauses"))
(instance_declarations
  [
    (function name: [(variable) @name.text (prefix_id (operator) @name.text)])
    (function (infix operator: (operator) @name.text))
    (bind name: (variable) @name.text)
    (signature name: (variable) @name.text)
  ] @definition.method
  (#set! join "clauses"))
